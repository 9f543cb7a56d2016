"""results.jsonl and documents.jsonl: one line a section, one line a document, in document order."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from jobs.atomic_file import atomic_write
from jobs.documents.document import Document
from jobs.record.protocol import Status
from jobs.record.queries import Row
from jobs.requests.answer import Answer, NotAnAnswer, parse


def write_results(path: Path, rows: Iterable[Row]) -> None:
    """Write results.jsonl. A section whose unit has no outcome yet has no line."""
    with atomic_write(path) as file:
        for row in rows:
            if row.status is not Status.NEW:
                file.write(line(result(row)))


def write_documents(path: Path, documents: Iterable[Document]) -> None:
    """Write documents.jsonl."""
    with atomic_write(path) as file:
        for document in documents:
            file.write(
                line(
                    {
                        "path": document.path,
                        "format": document.format or None,
                        "bytes": document.bytes,
                        "sections": document.sections,
                        "status": document.status,
                        "error": document.error or None,
                    }
                )
            )


def result(row: Row) -> dict[str, Any]:
    """A line of results.jsonl as an object; its keys are an interface (README, What you get)."""
    answer, damage = _answer(row) if row.status in _ANSWERED else (None, None)
    status = Status.FAILED if damage else row.status
    return {
        "document": row.document,
        "section": row.position,
        "heading": row.heading,
        "section_id": row.section_id,
        "key": row.key.hex(),
        "status": status,
        "text": answer.text if answer else None,
        "model": row.model,
        "source": "duplicate" if row.is_duplicate and row.source in ("bedrock", "cache") else row.source,
        "usage": _usage(answer) if answer else None,
        "cost_usd": _cost(row),
        "attempts": row.attempts,
        "latency_s": None if row.latency is None else round(row.latency, 3),
        "error": damage or _error(row, answer),
        **({"location": row.location} if row.location else {}),
    }


def line(value: Mapping[str, Any]) -> str:
    """A JSON object as one line; lone surrogates of file names and models stay escaped, so it is always UTF-8."""
    text = json.dumps(value, ensure_ascii=False)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            text = json.dumps(value)
    return text + "\n"


_ANSWERED = (Status.OK, Status.INCOMPLETE, Status.FALLBACK)


def _cost(row: Row) -> float | None:
    """Of the sections that share an answer one bears its cost."""
    if row.cost_usd is None or row.is_duplicate:
        return None if row.raw is None or row.cost_usd is None else 0.0
    return round(row.cost_usd, 9)


def _answer(row: Row) -> tuple[Answer | None, Mapping[str, str] | None]:
    if row.raw is None:
        return None, None
    try:
        answer = parse(row.raw)
    except NotAnAnswer:
        answer = None
    if answer is None or answer.sha256 != row.sha256:
        return None, {"code": "DamagedAnswer", "message": "the stored answer is damaged; --refresh asks again"}
    return answer, None


def _error(row: Row, answer: Answer | None) -> Mapping[str, str] | None:
    match row.status:
        case Status.OK:
            return None
        case Status.INCOMPLETE if answer and not row.code:
            return {"code": answer.stop_reason, "message": answer.why_incomplete}
    return {"code": row.code, "message": row.message}


def _usage(answer: Answer) -> Mapping[str, int]:
    usage = answer.usage
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read_tokens": usage.cache_read_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
    }
