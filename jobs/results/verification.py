"""Checks an output directory: the journal, its answers against their checksums, the other files against the journal."""

import sqlite3
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from pathlib import Path

from jobs.record import analysis, queries
from jobs.record.kept_text import expand
from jobs.requests.answer import NotAnAnswer, parse
from jobs.results.jsonl import document_lines, json_line, section_result

REWRITE = "run analyze again to write it from the journal"


def problems(db: sqlite3.Connection, output: Path) -> Iterator[str]:
    """What is wrong, a message each; nothing is changed. All answers are read, also those without a row."""
    for (message,) in db.execute("PRAGMA integrity_check"):
        if message != "ok":
            yield f"journal.sqlite: {message}"
    for key, raw, checksum in queries.answers(db):
        if raw is None:
            yield f"answer {key.hex()}: it is gone; the next run calls again"
        elif not _intact(raw, checksum):
            yield f"answer {key.hex()}: it is damaged; the next run calls again"
    for key, kept in queries.texts(db):
        try:
            expand(kept)
        except ValueError:
            yield f"text {key.hex()}: it is damaged"
    written = analysis.of_results(db)
    if written is None:
        yield f"results.jsonl: no run has come to its end; {REWRITE}"
        return
    rows = (json_line(section_result(row, written)) for row in queries.rows(db, written))
    yield from _differences(output / "results.jsonl", rows)
    documents = (document for _, document in queries.documents(db, written))
    yield from _differences(output / "documents.jsonl", document_lines(documents))


def _intact(raw: bytes, checksum: bytes) -> bool:
    try:
        return parse(raw).sha256 == checksum
    except NotAnAnswer:
        return False


def _differences(path: Path, expected: Iterable[str]) -> Iterator[str]:
    """At most one message for a file, however many lines differ."""
    try:
        with path.open("rb") as file:
            pairs = zip_longest(file, (line.encode() for line in expected))
            different = [number for number, (actual, line) in enumerate(pairs, 1) if actual != line]
    except FileNotFoundError:
        yield f"{path.name}: it is missing; {REWRITE}"
        return
    if different:
        count, first = len(different), different[0]
        yield f"{path.name}: lines that differ from the journal: {count}, the first is {first}; {REWRITE}"
