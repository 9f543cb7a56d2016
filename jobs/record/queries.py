"""Queries on the journal for results and summaries. Call them in the journal's thread."""

import json
from collections.abc import Iterator
from typing import NamedTuple

from jobs.documents.document import Document
from jobs.record.journal import Journal
from jobs.record.protocol import Status


class Row(NamedTuple):
    """A section with the state of its unit."""

    document: str
    document_error: str
    """Why the document cannot be read now, so that the section is from an earlier run; empty if it can."""
    section_id: str
    heading: tuple[str, ...]
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
    model: str
    source: str | None
    """`bedrock`, `cache` or `fallback`. None without an answer, as are the four fields below."""
    raw: bytes | None
    sha256: bytes | None
    cost_usd: float | None
    latency: float | None


def mark_missing(journal: Journal) -> None:
    """Mark documents that this run, whose listing is complete, did not list as gone.

    A unit whose owner is gone passes to its first remaining section, so exactly one row of the results bears its cost.
    """
    execute = journal.db.execute
    execute("UPDATE documents SET gone = met != ?", (journal.run,))
    execute(
        "CREATE TEMP TABLE orphans AS SELECT id FROM units u"
        " WHERE NOT EXISTS (SELECT 1 FROM live WHERE live.id = u.owner AND live.unit = u.id)"
    )
    execute(
        "UPDATE units SET owner = heir.id FROM"
        " (SELECT unit, id, min(ordinal) FROM live WHERE unit IN orphans GROUP BY unit) AS heir"
        " WHERE heir.unit = units.id"
    )
    execute("DROP TABLE orphans")


def tally(journal: Journal) -> dict[Status, int]:
    """Sections of this run by the status of their unit, as the rows have it."""
    rows = journal.db.execute(
        "SELECT u.status, count(*) FROM sections s JOIN units u ON u.id = s.unit WHERE s.run = ? GROUP BY 1",
        (journal.run,),
    )
    return {Status(status): count for status, count in rows}


def not_refreshed(journal: Journal) -> int:
    """Answered sections that this run selected for another call and that keep their earlier answer."""
    (count,) = journal.db.execute(
        "SELECT count(*) FROM sections s JOIN units u ON u.id = s.unit"
        " WHERE s.run = ? AND u.run = s.run AND u.closed != s.run AND u.status = 'ok'",
        (journal.run,),
    ).fetchone()
    return int(count)


def unique(journal: Journal) -> int:
    """Number of distinct keys among the sections of this run."""
    query = "SELECT count(DISTINCT unit) FROM sections WHERE run = ?"
    return int(journal.db.execute(query, (journal.run,)).fetchone()[0])


def maybe_paid_twice(journal: Journal) -> int:
    """Attempts of unknown outcome that another attempt followed, over the life of the directory."""
    (count,) = journal.db.execute(
        "WITH unknown AS (SELECT unit, id FROM attempts WHERE outcome = 'unknown'), last AS"
        " (SELECT unit, max(id) AS id FROM attempts WHERE outcome IN ('ok', 'incomplete', 'unknown')"
        " AND unit IN (SELECT unit FROM unknown) GROUP BY unit)"
        " SELECT count(*) FROM unknown JOIN last USING (unit) WHERE last.id > unknown.id"
    ).fetchone()
    return int(count)


def documents(journal: Journal) -> Iterator[tuple[int, Document]]:
    """Ids and documents that are not gone, in order."""
    rows = journal.db.execute(
        "SELECT id, path, format, bytes, sections, status, error FROM documents WHERE NOT gone ORDER BY position, path"
    )
    for document, *fields in rows:
        yield document, Document(*fields)


def rows(journal: Journal) -> Iterator[Row]:
    """Sections that are not gone, in document order."""
    for document, read in documents(journal):
        last = -1
        for section, heading, key, status, owner, *rest in journal.db.execute(_ROWS, (document,)):
            if rest[0] == last:
                continue  # an interrupted run enrolled another section here; the newer one counts
            last = rest[0]
            yield Row(
                read.path,
                read.error if read.status == "unreadable" else "",
                f"{section & _UNSIGNED:016x}",
                tuple(json.loads(heading)),
                key,
                Status(status),
                owner != section,
                *rest,
            )


def answers(journal: Journal) -> Iterator[tuple[bytes, bytes | None, bytes]]:
    """Key, raw answer (None: it is gone) and checksum of each unit that was answered."""
    query = (
        "SELECT u.key, a.raw, a.sha256 FROM units u LEFT JOIN answers a ON a.unit = u.id"
        " WHERE u.status IN ('ok', 'incomplete', 'fallback')"
    )
    yield from journal.db.execute(query)


_UNSIGNED = (1 << 64) - 1

_ROWS = """
SELECT s.id, s.heading, u.key, u.status, u.owner, s.position, s.place, u.attempts, u.code, u.message, r.model,
       a.source, a.raw, a.sha256, a.cost_usd, a.latency
FROM live s JOIN units u ON u.id = s.unit JOIN runs r ON r.id = u.run LEFT JOIN answers a
  ON a.unit = u.id AND (a.source = 'fallback') = (u.status = 'fallback')
WHERE s.document = ? ORDER BY s.position, s.run DESC
"""
