"""Writes results.jsonl (one line per section) and documents.jsonl (one line per document), in document order.

The keys are an interface: jobs/README.md documents them.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from jobs.atomic_file import atomic_write
from jobs.documents.document import Document
from jobs.record.protocol import Status
from jobs.record.queries import Row
from jobs.requests.answer import Answer, NotAnAnswer, parse

DAMAGED = "DamagedAnswer"
DAMAGE = "the stored answer is damaged; the next run calls again"


def write_results(path: Path, rows: Iterable[Row]) -> set[bytes]:
    """Write results.jsonl, without the sections that have no outcome; returns the keys with a damaged answer."""
    damaged = set()
    with atomic_write(path, 0o600) as file:
        for row in rows:
            if row.status is not Status.NEW:
                result = section_result(row)
                file.write(json_line(result))
                if result["error"] and result["error"]["code"] == DAMAGED:
                    damaged.add(row.key)
    return damaged


def write_documents(path: Path, documents: Iterable[Document]) -> None:
    with atomic_write(path, 0o600) as file:
        file.writelines(document_lines(documents))


def document_lines(documents: Iterable[Document]) -> Iterator[str]:
    """The lines of documents.jsonl."""
    for document in documents:
        value = {
            "path": document.path,
            "format": document.format or None,
            "bytes": document.bytes,
            "sections": document.sections,
            "status": document.status,
            "error": document.error or None,
        }
        yield json_line(value)


def section_result(row: Row) -> dict[str, Any]:
    """A line of results.jsonl as an object."""
    answer, damage = _answer(row) if row.status in _ANSWERED else (None, None)
    return {
        "document": row.document,
        "section": row.position,
        "heading": row.heading,
        "section_id": row.section_id,
        "key": row.key.hex(),
        "status": Status.FAILED if damage else row.status,
        "text": answer.text if answer else None,
        "model": row.model,
        "source": "duplicate" if row.is_duplicate and row.source in ("bedrock", "cache") else row.source,
        "usage": answer.usage._asdict() if answer else None,
        "cost_usd": _cost(row),
        "attempts": row.attempts,
        "latency_s": None if row.latency is None else round(row.latency, 3),
        "error": damage or _error(row, answer),
        **({"location": row.location} if row.location else {}),
        **({"document_error": row.document_error} if row.document_error else {}),
    }


def json_line(value: Mapping[str, Any]) -> str:
    """A JSON object as one line for every reader: line separators of Unicode are escaped.

    Always valid UTF-8: lone surrogates (from file names and models) are escaped.
    """
    text = json.dumps(value, ensure_ascii=False)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            text = json.dumps(value)
        for separator in ("\x85", "\u2028", "\u2029"):
            text = text.replace(separator, f"\\u{ord(separator):04x}")
    return text + "\n"


_ANSWERED = (Status.OK, Status.INCOMPLETE, Status.FALLBACK)


def _cost(row: Row) -> float | None:
    """USD. One of the sections that share an answer carries its cost, its duplicates 0."""
    if row.cost_usd is None or (row.is_duplicate and row.raw is None):
        return None
    return 0.0 if row.is_duplicate else round(row.cost_usd, 9)


def _answer(row: Row) -> tuple[Answer | None, Mapping[str, str] | None]:
    """The stored answer, or the error if it is damaged or gone."""
    with suppress(NotAnAnswer):
        answer = parse(row.raw or b"")
        if answer.sha256 == row.sha256:
            return answer, None
    return None, {"code": DAMAGED, "message": DAMAGE}


def _error(row: Row, answer: Answer | None) -> Mapping[str, str] | None:
    match row.status:
        case Status.OK:
            return None
        case Status.INCOMPLETE if answer and not row.code:
            return {"code": answer.stop_reason, "message": answer.why_incomplete}
    return {"code": row.code, "message": row.message}
