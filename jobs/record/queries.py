"""Queries on the journal for results and summaries. Call those that take a Journal in its thread."""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from jobs.documents.document import Document
from jobs.record.analysis import Analysis
from jobs.record.deduplication import signed
from jobs.record.journal import Journal
from jobs.record.kept_text import expand
from jobs.record.protocol import Status

PAGE = 256
"""Rows per query: what reads a journal while a run writes it must not hold up the run's commits."""

LENGTHS = 100_000
"""Answers that are enough for an estimate."""


class Row(NamedTuple):
    """A section with the state of its unit."""

    document: str
    document_error: str
    """Why the document cannot be read now, so that the section is from an earlier run; empty if it can."""
    section_id: str
    heading: tuple[str, ...]
    unit: int
    key: bytes
    status: Status
    is_duplicate: bool
    """Another section bears the cost of the unit."""
    position: int
    """Index of the section in its document."""
    location: str
    attempts: int
    code: str
    message: str
    run_id: str | None
    """Of the run that brought the answer, or closed the unit without one; None while it is pending."""
    source: str | None
    """See the table of answers. None without an answer, as are the five fields below."""
    raw: bytes | None
    sha256: bytes | None
    cost_usd: float | None
    latency: float | None
    answered_at: float | None
    """Unix time; also None if unknown."""


def mark_missing(journal: Journal) -> int:
    """Mark documents of the analysis that this run, whose listing is complete, did not list as gone.

    A unit whose owner is gone passes to its first remaining section, so exactly one row of the results bears its cost.
    Returns the number of rows that leave the results.
    """
    execute, run, analysis = journal.db.execute, journal.run, journal.analysis.id
    (left,) = execute(
        "SELECT count(*) FROM live JOIN documents d ON d.id = document WHERE d.analysis = ? AND d.met != ?",
        (analysis, run),
    ).fetchone()
    execute("UPDATE documents SET gone = met != ? WHERE analysis = ?", (run, analysis))
    execute(
        "CREATE TEMP TABLE orphans AS SELECT id FROM units u WHERE u.analysis = ? AND NOT EXISTS"
        " (SELECT 1 FROM live WHERE live.analysis = u.analysis AND live.id = u.owner AND live.unit = u.id)",
        (analysis,),
    )
    execute(
        "UPDATE units SET owner = heir.id FROM"
        " (SELECT unit, id, min(ordinal) FROM live WHERE unit IN orphans GROUP BY unit) AS heir"
        " WHERE heir.unit = units.id"
    )
    execute("DROP TABLE orphans")
    return int(left)


def tally(journal: Journal) -> dict[Status, int]:
    """Sections of this run by the status of their unit, as the rows have it."""
    rows = journal.db.execute(
        "SELECT u.status, count(*) FROM sections s JOIN units u ON u.id = s.unit"
        " WHERE s.analysis = ? AND s.run = ? GROUP BY 1",
        (journal.analysis.id, journal.run),
    )
    return {Status(status): count for status, count in rows}


def not_refreshed(journal: Journal) -> int:
    """Answered sections that this run selected for another call and that keep their earlier answer."""
    (count,) = journal.db.execute(
        "SELECT count(*) FROM sections s JOIN units u ON u.id = s.unit"
        " WHERE s.analysis = ? AND s.run = ? AND u.run = s.run AND u.closed != s.run AND u.status = 'ok'",
        (journal.analysis.id, journal.run),
    ).fetchone()
    return int(count)


def unique(journal: Journal) -> int:
    """Number of distinct keys among the sections of this run."""
    query = "SELECT count(DISTINCT unit) FROM sections WHERE analysis = ? AND run = ?"
    return int(journal.db.execute(query, (journal.analysis.id, journal.run)).fetchone()[0])


def count_rows(db: sqlite3.Connection, analysis: Analysis) -> int:
    """Sections that are not gone."""
    return int(db.execute("SELECT count(*) FROM live WHERE analysis = ?", (analysis.id,)).fetchone()[0])


def maybe_paid_twice(db: sqlite3.Connection) -> tuple[int, float | None]:
    """Attempts of unknown outcome that another attempt followed, over the life of the directory.

    Returns their number and the most USD that they can have cost; None if the price of one is unknown.
    """
    count, most, unpriced = db.execute(
        "WITH unknown AS (SELECT unit, id, largest_cost_usd FROM attempts WHERE outcome = 'unknown'), last AS"
        " (SELECT unit, max(id) AS id FROM attempts WHERE outcome IN ('ok', 'incomplete', 'unknown')"
        " AND unit IN (SELECT unit FROM unknown) GROUP BY unit)"
        " SELECT count(*), total(largest_cost_usd), total(largest_cost_usd IS NULL)"
        " FROM unknown JOIN last USING (unit) WHERE last.id > unknown.id"
    ).fetchone()
    return int(count), None if unpriced else most


class Spend(NamedTuple):
    """What the attempts of an analysis took."""

    calls: int = 0
    """POSTs sent."""
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = 0.0
    """At list price; None if the price of an answer is unknown."""

    @classmethod
    def total(cls, spends: Iterable["Spend"]) -> "Spend":
        """The sum; its cost is None if one of the costs is."""
        calls, tokens_in, tokens_out, costs = zip(cls(), *spends, strict=True)
        cost = None if None in costs else sum(costs)
        return cls(sum(calls), sum(tokens_in), sum(tokens_out), cost)


def spend(db: sqlite3.Connection) -> dict[str, Spend]:
    """The spend over the life of the directory, by the name of the analysis, in order of their creation."""
    query = (
        "SELECT n.name, total(t.sent) + coalesce(p.calls, 0), total(t.input_tokens) + coalesce(p.input_tokens, 0),"
        " total(t.output_tokens) + coalesce(p.output_tokens, 0), total(t.cost_usd) + coalesce(p.cost_usd, 0.0),"
        " total(t.outcome IN ('ok', 'incomplete') AND t.cost_usd IS NULL)"
        " FROM analyses n LEFT JOIN units u ON u.analysis = n.id LEFT JOIN attempts t ON t.unit = u.id"
        " LEFT JOIN pruned p ON p.analysis = n.id GROUP BY n.id ORDER BY n.id"
    )
    return {
        name: Spend(int(calls), int(tokens_in), int(tokens_out), None if unpriced else cost)
        for name, calls, tokens_in, tokens_out, cost, unpriced in db.execute(query)
    }


def documents(db: sqlite3.Connection, analysis: Analysis, *, gone: bool = False) -> Iterator[tuple[int, Document]]:
    """Ids and documents of an analysis in order; `gone`: also those that are no longer among the inputs."""
    last: tuple[int, str] = (-1, "")
    while page := db.execute(_DOCUMENTS, (analysis.id, gone, *last, PAGE)).fetchall():
        for number, position, *fields in page:
            last = position, fields[0]
            yield number, Document(*fields)


def rows(db: sqlite3.Connection, analysis: Analysis, *, gone: bool = False) -> Iterator[Row]:
    """Sections of an analysis in document order; `gone`: also those of documents no longer among the inputs."""
    for number, document in documents(db, analysis, gone=gone):
        last = -1
        while page := db.execute(_ROWS, (number, last, PAGE)).fetchall():
            for row in page:
                if row[_POSITION] != last:  # an interrupted run enrolled another section here; the newer one counts
                    last = row[_POSITION]
                    yield _whole(db, _row(document, row))


def rows_of_sections(db: sqlite3.Connection, analysis: Analysis, section_ids: Iterable[str]) -> Iterator[Row]:
    """The rows of these sections, in this order."""
    for section_id in section_ids:
        document = db.execute(_DOCUMENT_OF, (analysis.id, signed(section_id))).fetchone()
        row = db.execute(_ROW, (analysis.id, signed(section_id))).fetchone()
        if row:
            yield _whole(db, _row(Document(*document), row))


def waits_for_call(journal: Journal, unit: int) -> bool:
    """Whether this run selected the unit for a call and has not closed it."""
    run, closed = journal.db.execute("SELECT run, closed FROM units WHERE id = ?", (unit,)).fetchone()
    return bool(run == journal.run != closed)


def _whole(db: sqlite3.Connection, row: Row) -> Row:
    """The row with its answer, where that was too large for its page."""
    if row.raw is not None or row.sha256 is None:
        return row
    found = db.execute("SELECT CAST(raw AS BLOB) FROM answers WHERE unit = ?", (row.unit,)).fetchone()
    return row._replace(raw=found and found[0])


def _row(document: Document, row: tuple[Any, ...]) -> Row:
    section, heading, unit, key, status, owner, *rest = row
    return Row(
        document.path,
        document.error if document.status == "unreadable" else "",
        f"{section & _UNSIGNED:016x}",
        tuple(json.loads(heading)),
        unit,
        key,
        Status(status),
        owner != section,
        *rest,
    )


def text(db: sqlite3.Connection, unit: int) -> str | None:
    """The text of a unit's sections; None if it was not kept.

    Raises:
        ValueError: it is damaged.
    """
    row = db.execute(f"SELECT {_TEXT} FROM texts WHERE unit = ?", (unit,)).fetchone()  # noqa: S608 (a constant)
    return expand(row[0]) if row else None


def longest_answer(db: sqlite3.Connection, analysis: Analysis) -> int:
    """Output tokens; 0 without an answer."""
    query = f"SELECT max(output_tokens, coalesce(cut_off_at, 0)) FROM {_PAID}"  # noqa: S608 (constants)
    return max((length for (length,) in db.execute(query, (analysis.id,))), default=0)


def answer_lengths(db: sqlite3.Connection, analysis: Analysis) -> tuple[list[int], list[int]]:
    """Output tokens of the latest complete answers, and the limits that cut off the others; empty if there are none."""
    query = f"SELECT cut_off_at FROM {_PAID} AND cut_off_at > 0"  # noqa: S608 (constants)
    cut_off = [limit for (limit,) in db.execute(query, (analysis.id,))]
    if not cut_off:
        return [], []
    query = f"SELECT output_tokens FROM {_PAID} AND cut_off_at IS NULL ORDER BY unit DESC LIMIT ?"  # noqa: S608 (constants)
    return [length for (length,) in db.execute(query, (analysis.id, LENGTHS))], cut_off


def answers(db: sqlite3.Connection) -> Iterator[tuple[bytes, bytes | None, bytes]]:
    """Key, raw answer (None: it is gone) and checksum of each unit that was answered, of all analyses."""
    yield from db.execute(
        "SELECT CAST(u.key AS BLOB), CAST(a.raw AS BLOB), a.sha256 FROM units u LEFT JOIN answers a ON a.unit = u.id"
        " WHERE u.status IN ('ok', 'incomplete', 'fallback')"
    )


def texts(db: sqlite3.Connection) -> Iterator[tuple[bytes, bytes]]:
    """Key and compressed text of each unit whose text was kept."""
    yield from db.execute(f"SELECT CAST(key AS BLOB), {_TEXT} FROM texts JOIN units ON id = unit")  # noqa: S608 (a constant)


_UNSIGNED = (1 << 64) - 1

_PAID = "answers JOIN units ON id = unit WHERE analysis = ? AND status IN ('ok', 'incomplete')"

# A damaged file has values of any type: these are expected to be bytes, and their content is checked.
_TEXT = "CAST(ifnull(text, '') AS BLOB)"

_DOCUMENTS = """
SELECT id, position, path, format, bytes, sections, status, error FROM documents
WHERE analysis = ? AND gone <= ? AND (position, path) > (?, ?) ORDER BY position, path LIMIT ?
"""

_POSITION = 6
"""Index in _ROWS."""

# Large answers are read one at a time: a page of them would not fit into memory.
_SECTIONS = """
SELECT s.id, s.heading, u.id, CAST(u.key AS BLOB), u.status, u.owner, s.position, s.place, u.attempts, u.code,
       u.message, (SELECT run_id FROM runs WHERE id = coalesce(a.run, nullif(u.closed, 0))),
       a.source, iif(length(a.raw) <= 65536, CAST(a.raw AS BLOB), NULL), a.sha256, a.cost_usd, a.latency, a.answered_at
FROM sections s JOIN documents d ON d.id = s.document JOIN units u ON u.id = s.unit LEFT JOIN answers a
  ON a.unit = u.id AND (a.source = 'fallback') = (u.status = 'fallback')
"""
_ROWS = (
    f"{_SECTIONS} WHERE s.document = ? AND s.run >= d.run AND s.position > ? ORDER BY s.position, s.run DESC LIMIT ?"
)
_ROW = f"{_SECTIONS} WHERE s.analysis = ? AND s.id = ?"
_DOCUMENT_OF = """
SELECT path, format, bytes, d.sections, status, error FROM sections s JOIN documents d ON d.id = s.document
WHERE s.analysis = ? AND s.id = ?
"""
