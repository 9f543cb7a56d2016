"""Rows as JSON lines, each the moment it has an outcome."""

from collections import defaultdict
from collections.abc import Callable, Sequence

from jobs.record import queries
from jobs.record.journal import Journal
from jobs.record.protocol import Enrolment, SectionEntry
from jobs.results.jsonl import json_line, section_result


class RowStream:
    """Implements jobs.record.record_writer.Watcher: writes each row once in a run, in the order of completion.

    It runs in the journal's thread, after each commit: a slow reader slows the record, and with it the run.
    """

    def __init__(self, write: Callable[[str], object]) -> None:
        """`write` takes some lines."""
        self._write = write
        self._enrolled: list[tuple[str, int]] = []
        """Section ids with their units, since the last commit."""
        self._waiting: defaultdict[int, list[str]] = defaultdict(list)
        """Section ids of units that wait for a call."""
        self._closed: list[int] = []

    def enrolled(self, entries: Sequence[SectionEntry], enrolments: Sequence[Enrolment]) -> None:
        self._enrolled += [(entry.section_id, one.unit) for entry, one in zip(entries, enrolments, strict=True)]

    def closed(self, unit: int) -> None:
        self._closed.append(unit)

    def committed(self, journal: Journal) -> None:
        ready = []
        for section, unit in self._enrolled:
            if queries.waits_for_call(journal, unit):
                self._waiting[unit].append(section)
            else:
                ready.append(section)
        for unit in self._closed:
            if not queries.waits_for_call(journal, unit):
                ready += self._waiting.pop(unit, [])
        self._enrolled, self._closed = [], []
        rows = queries.rows_of_sections(journal.db, journal.analysis, ready)
        if lines := "".join(json_line(section_result(row, journal.analysis)) for row in rows):
            self._write(lines)
