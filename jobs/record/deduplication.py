"""Deduplication: each section gets the unit with its key, whose answer may exist already."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from jobs.record.analysis import Analysis
from jobs.record.cache import Cache
from jobs.record.kept_text import compress
from jobs.record.protocol import Disposition, Enrolment, SectionEntry, Status
from jobs.requests.answer import Answer


class _Known(NamedTuple):
    """A unit of this analysis."""

    id: int
    disposition: Disposition
    """Of its next section in this run."""
    has_text: bool


@dataclass(frozen=True, slots=True)
class Deduplication:
    """Enrolls sections in the journal's database for one run."""

    db: sqlite3.Connection
    run: int
    analysis: int
    analyses: Sequence[Analysis]
    """All analyses of the journal."""
    selected: frozenset[Status]
    """Units of these statuses are called again; those without an outcome and failures that may pass always are."""
    max_tokens: int
    """Answers that a lower limit cut off are called again."""
    keep_text: bool

    def enroll(self, document: int, entries: Sequence[SectionEntry], cache: Cache | None) -> list[Enrolment]:
        """Enroll sections of a document; an answer that `cache` has is copied into the journal."""
        self._adopt(entries)
        units = self._units([entry.key for entry in entries])
        missing = list({entry.key: None for entry in entries if entry.key not in units})
        copied = set()
        if missing and Status.OK not in self.selected:
            copied = self._answered_elsewhere(missing)
        cached = {}
        if cache and len(copied) < len(missing) and Status.OK not in self.selected:
            cached = cache.find([key for key in missing if key not in copied])
        enrolments = []
        for entry in entries:
            known = units.get(entry.key)
            if known is None:
                answer = cached.get(entry.key)
                answered_at = cache.stored_at(entry.key) if cache and answer else None
                known = self._new_unit(entry, answer, answered_at, copied=entry.key in copied)
            if entry.key in units and known.disposition is Disposition.NEW:
                # The unit keeps its answer until this run has another: a run that stops before must not lose it.
                self.db.execute("UPDATE units SET run = ? WHERE id = ?", (self.run, known.id))
            if self.keep_text and not known.has_text:
                self.db.execute("INSERT INTO texts VALUES (?, ?)", (known.id, compress(entry.text)))
            later = known.disposition if known.disposition in _SAME_FOR_ALL else Disposition.DUPLICATE
            units[entry.key] = _Known(known.id, later, has_text=True)
            enrolments.append(Enrolment(known.disposition, known.id))
        self.db.executemany(
            "INSERT INTO sections VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (analysis, id) DO UPDATE SET document = excluded.document, position = excluded.position,"
            " unit = excluded.unit, run = excluded.run, heading = excluded.heading, place = excluded.place",
            [
                (self.analysis, signed(e.section_id), document, e.number, enrolment.unit, self.run, _json(e.heading),
                 e.location)
                for e, enrolment in zip(entries, enrolments, strict=True)
            ],
        )  # fmt: skip
        return enrolments

    def _units(self, keys: list[bytes]) -> dict[bytes, _Known]:
        rows = self.db.execute(
            f"SELECT {_UNIT_COLUMNS} WHERE key IN ({_marks(keys)}) AND analysis = ?",
            [*keys, self.analysis],
        )
        return {
            key: _Known(unit, self._disposition(Status(status), run, permanent, cut_off_at), bool(has_text))
            for key, unit, status, run, permanent, cut_off_at, has_text in rows
        }

    def _disposition(self, status: Status, run: int, permanent: int, cut_off_at: int | None) -> Disposition:
        if run == self.run:
            return Disposition.DUPLICATE
        if status in (Status.NEW, Status.FALLBACK, *self.selected) or (status is Status.FAILED and not permanent):
            return Disposition.NEW
        if status is Status.INCOMPLETE and cut_off_at is not None and cut_off_at < self.max_tokens:
            return Disposition.NEW
        return Disposition.ANSWERED if status is Status.OK else Disposition.SKIPPED

    def _new_unit(
        self, entry: SectionEntry, cached: Answer | None, answered_at: float | None, *, copied: bool
    ) -> _Known:
        status, closed = (Status.OK, self.run) if cached or copied else (Status.NEW, 0)
        cursor = self.db.execute(
            "INSERT INTO units (analysis, key, status, run, closed, owner) VALUES (?, ?, ?, ?, ?, ?)",
            (self.analysis, entry.key, status, self.run, closed, signed(entry.section_id)),
        )
        unit, disposition = cursor.lastrowid or 0, Disposition.NEW
        if copied:
            self.db.execute(_COPY_ANSWER, (unit, self.run, entry.key))
            disposition = Disposition.ANSWERED
        elif cached:
            store_answer(self.db, self.run, unit, cached, "cache", answered_at, 0.0, 0.0)
            disposition = Disposition.CACHED
        return _Known(unit, disposition, has_text=False)

    def _answered_elsewhere(self, keys: Sequence[bytes]) -> set[bytes]:
        """The keys that another analysis of this directory has an answer to: it asks the same under another name."""
        if len(self.analyses) == 1:
            return set()
        query = f"SELECT key FROM units JOIN answers ON unit = id WHERE key IN ({_marks(keys)}) AND status = 'ok'"  # noqa: S608 (question marks only)
        return {key for (key,) in self.db.execute(query, keys)}

    def _adopt(self, entries: Sequence[SectionEntry]) -> None:
        """Move units that were migrated from version 1, and that these sections' requests own, to this analysis."""
        migrated = [analysis.id for analysis in self.analyses if analysis.is_migrated]
        for entry in entries if migrated else ():
            found = f"analysis IN ({_marks(migrated)}) AND key IN ({_marks(entry.version_1_keys)})"
            best = f"SELECT id FROM units WHERE {found} ORDER BY status = 'ok' DESC, id DESC LIMIT 1"  # noqa: S608 (question marks only)
            self.db.execute(
                f"UPDATE OR IGNORE units SET analysis = ?, key = ?, owner = ? WHERE id = ({best})",  # noqa: S608 (the same)
                [self.analysis, entry.key, signed(entry.section_id), *migrated, *entry.version_1_keys],
            )


_UNIT_COLUMNS = """
key, id, status, u.run, permanent, cut_off_at, t.unit IS NOT NULL
FROM units u LEFT JOIN answers a ON a.unit = id LEFT JOIN texts t ON t.unit = id
"""

_SAME_FOR_ALL = (Disposition.ANSWERED, Disposition.SKIPPED, Disposition.DUPLICATE)
"""Dispositions that all sections of a unit have; of the others only the first section of a run."""

_COPY_ANSWER = """
INSERT INTO answers
SELECT ?, ?, 'duplicate', sha256, 0.0, latency, answered_at, output_tokens, cut_off_at, raw
FROM units JOIN answers ON unit = id WHERE key = ? AND status = 'ok' LIMIT 1
"""


def store_answer(
    db: sqlite3.Connection,
    run: int,
    unit: int,
    answer: Answer,
    source: str,
    answered_at: float | None,
    cost: float | None,
    latency: float,
    *,
    max_tokens: int | None = None,
) -> None:
    """`answered_at` is Unix time; `max_tokens` the limit of the call."""
    cut_off_at = max_tokens if answer.stop_reason == "max_tokens" else None
    db.execute(
        "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            unit, run, source, answer.sha256, cost, latency, answered_at, answer.usage.output_tokens, cut_off_at,
            answer.raw,
        ),
    )  # fmt: skip


def _marks(values: Sequence[object]) -> str:
    return ",".join("?" * len(values))


def signed(section_id: str) -> int:
    """16 hex digits as SQLite's signed 64-bit integer."""
    number = int(section_id, 16)
    return number - (1 << 64) if number >> 63 else number


def _json(heading: tuple[str, ...]) -> str:
    return json.dumps(heading, ensure_ascii=False, separators=(",", ":"))
