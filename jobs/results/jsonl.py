"""Writes results.jsonl (one line per section) and documents.jsonl (one line per document), in document order.

The keys are an interface: jobs/README.md documents them.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jobs.atomic_file import atomic_write
from jobs.documents.document import Document
from jobs.record.analysis import Analysis
from jobs.record.protocol import Status
from jobs.record.queries import Row
from jobs.requests.answer import Answer, NotAnAnswer, Usage, parse

DAMAGED = "DamagedAnswer"
DAMAGE = "the stored answer is damaged; the next run calls again"


def write_results(path: Path, rows: Iterable[Row], analysis: Analysis) -> set[bytes]:
    """Write results.jsonl; returns the keys with a damaged answer."""
    damaged = set()
    with atomic_write(path, 0o600) as file:
        for row in rows:
            result = section_result(row, analysis)
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


def section_result(row: Row, analysis: Analysis) -> dict[str, Any]:
    """A line of results.jsonl as an object."""
    answer, damage = _answer(row) if row.status in _ANSWERED else (None, None)
    paid = row.source not in ("cache", "duplicate") and not row.is_duplicate
    return {
        "document": row.document,
        "section": row.position,
        "heading": row.heading,
        "section_id": row.section_id,
        "analysis": analysis.name,
        "key": row.key.hex(),
        "status": Status.FAILED if damage else PENDING if row.status is Status.NEW else row.status,
        "text": answer.text if answer else None,
        "model": analysis.model,
        "source": "duplicate" if row.is_duplicate and row.source not in (None, "fallback") else row.source,
        "usage": (answer.usage if paid else Usage())._asdict() if answer else None,
        "cost_usd": _cost(row),
        "attempts": row.attempts,
        "latency_s": None if row.latency is None else round(row.latency, 3),
        "stop_reason": answer.stop_reason if answer else None,
        "run_id": row.run_id,
        "answered_at": answer and _timestamp(row.answered_at),
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


PENDING = "pending"
_ANSWERED = (Status.OK, Status.INCOMPLETE, Status.FALLBACK)


def _timestamp(time: float | None) -> str | None:
    return None if time is None else datetime.fromtimestamp(time, UTC).isoformat(timespec="seconds")


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
        case Status.OK | Status.NEW:
            return None
        case Status.INCOMPLETE if answer and not row.code:
            return {"code": answer.stop_reason, "message": answer.why_incomplete}
    return {"code": row.code, "message": row.message}
