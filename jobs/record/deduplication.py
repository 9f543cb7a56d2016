"""Deduplication: each section gets the unit with its key, whose answer may exist already."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from jobs.record.cache import Cache
from jobs.record.protocol import Disposition, Enrolment, SectionEntry, Status
from jobs.requests.answer import Answer


@dataclass(frozen=True, slots=True)
class Deduplication:
    """Enrolls sections in the journal's database for one run."""

    db: sqlite3.Connection
    run: int
    selected: frozenset[Status]
    """Units of these statuses are called again; those without an outcome and failures that may pass always are."""
    cache: Cache | None

    def enroll(self, document: int, entries: Sequence[SectionEntry]) -> list[Enrolment]:
        units = self._units([entry.key for entry in entries])
        missing = list({entry.key: None for entry in entries if entry.key not in units})
        cached = self.cache.find(missing) if self.cache and missing and Status.OK not in self.selected else {}
        enrolments = []
        for entry in entries:
            if entry.key in units:
                unit, disposition = units[entry.key]
                if disposition is Disposition.NEW:
                    # The unit keeps its answer until this run has another: a run that stops before must not lose it.
                    self.db.execute("UPDATE units SET run = ? WHERE id = ?", (self.run, unit))
            else:
                unit, disposition = self._new_unit(entry, cached.get(entry.key))
            if disposition in (Disposition.NEW, Disposition.CACHED):
                units[entry.key] = unit, Disposition.DUPLICATE
            enrolments.append(Enrolment(disposition, unit))
        self.db.executemany(
            "INSERT INTO sections VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET document = excluded.document, position = excluded.position,"
            " unit = excluded.unit, run = excluded.run, heading = excluded.heading, place = excluded.place",
            [
                (_signed(e.section_id), document, e.number, enrolment.unit, self.run, _json(e.heading), e.location)
                for e, enrolment in zip(entries, enrolments, strict=True)
            ],
        )
        return enrolments

    def _units(self, keys: list[bytes]) -> dict[bytes, tuple[int, Disposition]]:
        """The existing units of these keys, with the disposition of their next section in this run."""
        marks = ",".join("?" * len(keys))
        rows = self.db.execute(
            f"SELECT key, id, status, run, permanent FROM units WHERE key IN ({marks})",  # noqa: S608 (question marks only)
            keys,
        )
        return {
            key: (unit, self._disposition(Status(status), run, permanent=bool(permanent)))
            for key, unit, status, run, permanent in rows
        }

    def _disposition(self, status: Status, run: int, *, permanent: bool) -> Disposition:
        if run == self.run:
            return Disposition.DUPLICATE
        if status in (Status.NEW, Status.FALLBACK, *self.selected) or (status is Status.FAILED and not permanent):
            return Disposition.NEW
        return Disposition.ANSWERED if status is Status.OK else Disposition.SKIPPED

    def _new_unit(self, entry: SectionEntry, answer: Answer | None) -> tuple[int, Disposition]:
        status, closed = (Status.OK, self.run) if answer else (Status.NEW, 0)
        cursor = self.db.execute(
            "INSERT INTO units (key, status, run, closed, owner) VALUES (?, ?, ?, ?, ?)",
            (entry.key, status, self.run, closed, _signed(entry.section_id)),
        )
        unit = cursor.lastrowid or 0
        if answer is None:
            return unit, Disposition.NEW
        store_answer(self.db, self.run, unit, answer, "cache", 0.0, 0.0)
        return unit, Disposition.CACHED


def store_answer(
    db: sqlite3.Connection, run: int, unit: int, answer: Answer, source: str, cost: float | None, latency: float
) -> None:
    db.execute(
        "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?)",
        (unit, run, source, answer.raw, answer.sha256, cost, latency),
    )


def _signed(section_id: str) -> int:
    """16 hex digits as SQLite's signed 64-bit integer."""
    number = int(section_id, 16)
    return number - (1 << 64) if number >> 63 else number


def _json(heading: tuple[str, ...]) -> str:
    return json.dumps(heading, ensure_ascii=False, separators=(",", ":"))
