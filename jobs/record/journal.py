"""The record of an output directory in SQLite: the truth of what was asked, sent, paid for and answered.

Durable by DELETE journalling with synchronous=EXTRA, which lost nothing in a power cut; WAL can corrupt a database in
SQLite releases before 3.51.3 and is not used. One connection, one thread, one process (jobs.record.lock).
"""

import json
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from jobs.documents.document import Document
from jobs.errors import JournalError
from jobs.record.protocol import AnswerCache, AttemptResult, Disposition, Enrolment, SectionEntry, Status
from jobs.requests.answer import Answer
from ratelimit.outcome import Outcome

SCHEMA_VERSION = 1
APPLICATION_ID = 0x62726274
"""`brbt` in SQLite's header: this file is ours."""


PATIENCE = 60.0
"""Seconds to wait for another program that reads the journal: giving up would lose the calls in flight."""


@dataclass(frozen=True, slots=True)
class RetrySelection:
    """Which units of earlier runs a run takes up again."""

    failed: bool = False
    """Also those whose failure is permanent; the others are always taken up."""
    incomplete: bool = False
    held: bool = False
    answered: bool = False
    """--refresh: ask again whatever was answered before."""


class Journal:
    """The record. Opening an existing file checks that it is ours; a new one is created with mode 0600."""

    def __init__(self, path: Path) -> None:
        """Open or create the journal.

        Raises:
            JournalError: another program's file, a newer version's, or a damaged one.
            sqlite3.Error, OSError: it cannot be opened or written.
        """
        if path.exists() and not path.stat().st_size and path.with_name("results.jsonl").exists():
            raise JournalError(
                f"{path} is empty, though there are results", "restore it from a backup, or move the directory away"
            )
        if str(path) != ":memory:":
            path.touch(mode=0o600)
        self.db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=PATIENCE)
        self.run = 0
        """The id of the run that `begin` began."""
        self._selection = RetrySelection()
        try:
            self._prepare(path)
        except sqlite3.DatabaseError as error:
            self.db.close()
            if isinstance(error, sqlite3.OperationalError):
                raise
            raise JournalError(
                f"{path} is damaged ({error}); it is the only record of the answers and their cost",
                "restore it from a backup, or move it away to start over (answers in the cache are not paid for again)",
            ) from error
        except BaseException:
            self.db.close()
            raise

    def _prepare(self, path: Path) -> None:
        self.db.execute("PRAGMA journal_mode = DELETE")
        self.db.execute("PRAGMA synchronous = EXTRA")
        (application,) = self.db.execute("PRAGMA application_id").fetchone()
        (version,) = self.db.execute("PRAGMA user_version").fetchone()
        (tables,) = self.db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if not tables:
            schema = files("jobs.record").joinpath("schema.sql").read_text()
            self.db.executescript(
                f"BEGIN IMMEDIATE; {schema} PRAGMA application_id = {APPLICATION_ID};"
                f"PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
            )
        elif application != APPLICATION_ID:
            raise JournalError(f"{path} is not a journal of bedrock-batch", "choose another --output")
        elif version > SCHEMA_VERSION:
            raise JournalError(f"{path} was written by a newer version of bedrock-batch", "upgrade bedrock-batch")

    def close(self) -> None:
        """Let go of the file."""
        self.db.close()

    def transact(self, operations: list[Callable[[Any], Any]]) -> list[Any]:
        """Run the operations in order in one durable transaction, or none of them."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            results = [operation(self) for operation in operations]
            self.db.execute("COMMIT")
        except BaseException:
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")
            raise
        return results

    def begin(
        self, run_id: str, started_at: str, model: str, endpoint: str, selection: RetrySelection, *, hold: bool
    ) -> int:
        """Begin a run; returns how many attempts of killed runs were found open.

        Their outcome is unknown: they may have been paid for. With `hold` their units are held, else they are taken
        up again when their section comes.
        """
        cursor = self.db.execute(
            "INSERT INTO runs (run_id, started_at, model, endpoint) VALUES (?, ?, ?, ?)",
            (run_id, started_at, model, endpoint),
        )
        self.run, self._selection = cursor.lastrowid or 0, selection
        self.db.execute(
            "UPDATE units SET attempts = attempts + 1 WHERE id IN (SELECT unit FROM attempts WHERE outcome IS NULL)"
        )
        found = self.db.execute(
            "UPDATE attempts SET outcome = ?, code = 'Interrupted' WHERE outcome IS NULL", (Outcome.UNKNOWN,)
        ).rowcount
        if hold:
            self.db.execute(_HOLD, (Status.HELD, Status.NEW))
        return found

    def end(self, ended_at: str, summary: str) -> None:
        """The run is over."""
        self.db.execute("UPDATE runs SET ended_at = ?, summary = ? WHERE id = ?", (ended_at, summary, self.run))

    def begin_document(self, path: str, position: int) -> int:
        """See Record."""
        (document,) = self.db.execute(
            "INSERT INTO documents (path, position, met) VALUES (?, ?, ?) ON CONFLICT (path) DO UPDATE SET"
            " position = excluded.position, met = excluded.met, gone = 0, status = 'partial' RETURNING id",
            (path, position, self.run),
        ).fetchone()
        return int(document)

    def end_document(self, document: int, read: Document) -> None:
        """See Record."""
        self.db.execute(
            "UPDATE documents SET run = ?, format = ?, bytes = ?, sections = ?, status = ?, error = ? WHERE id = ?",
            (self.run, read.format, read.bytes, read.sections, read.status, read.error, document),
        )

    def enroll(self, document: int, entries: Sequence[SectionEntry], cache: AnswerCache) -> list[Enrolment]:
        """See Record."""
        known = self._known([entry.key for entry in entries])
        unknown = list({entry.key: None for entry in entries if entry.key not in known})
        cached = cache.find(unknown) if unknown and not self._selection.answered else {}
        enrolments = []
        for entry in entries:
            section = _section_id(entry.section_id)
            seen = known.get(entry.key)
            if seen is None:
                place, unit = self._new_unit(entry.key, section, cached.get(entry.key))
                known[entry.key] = unit, Disposition.DUPLICATE
            else:
                unit, place = seen
                if place is Disposition.NEW:
                    self._take_up(unit)
                    known[entry.key] = unit, Disposition.DUPLICATE
            enrolments.append(Enrolment(place, unit))
        self.db.executemany(
            "INSERT INTO sections VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET document = excluded.document, position = excluded.position,"
            " unit = excluded.unit, run = excluded.run, heading = excluded.heading, place = excluded.place",
            [
                (_section_id(e.section_id), document, e.number, enrolment.unit, self.run, _json(e.heading), e.location)
                for e, enrolment in zip(entries, enrolments, strict=True)
            ],
        )
        return enrolments

    def _known(self, keys: list[bytes]) -> dict[bytes, tuple[int, Disposition]]:
        """The units that exist, with the place that a section of this run finds there."""
        marks = ",".join("?" * len(keys))
        rows = self.db.execute(
            f"SELECT key, id, status, run, permanent FROM units WHERE key IN ({marks})",  # noqa: S608 (question marks only)
            keys,
        )
        return {
            key: (unit, self._place(Status(status), run, bool(permanent))) for key, unit, status, run, permanent in rows
        }

    def _place(self, status: Status, run: int, permanent: bool) -> Disposition:
        if run == self.run:
            return Disposition.DUPLICATE
        selection = self._selection
        match status:
            case Status.NEW | Status.FALLBACK:
                again = True
            case Status.OK:
                if not selection.answered:
                    return Disposition.ANSWERED
                again = True
            case Status.FAILED:
                again = selection.failed or not permanent
            case Status.INCOMPLETE:
                again = selection.incomplete
            case Status.HELD:
                again = selection.held
        return Disposition.NEW if again else Disposition.SKIPPED

    def _new_unit(self, key: bytes, section: int, answer: Answer | None) -> tuple[Disposition, int]:
        status, closed = (Status.OK, self.run) if answer else (Status.NEW, 0)
        cursor = self.db.execute(
            "INSERT INTO units (key, status, run, closed, owner) VALUES (?, ?, ?, ?, ?)",
            (key, status, self.run, closed, section),
        )
        unit = cursor.lastrowid or 0
        if answer is None:
            return Disposition.NEW, unit
        self._keep(unit, answer, "cache", 0.0, 0.0)
        return Disposition.CACHED, unit

    def _take_up(self, unit: int) -> None:
        # What it has, it keeps until this run brings something: a run that is stopped before must not lose it.
        self.db.execute("UPDATE units SET run = ? WHERE id = ?", (self.run, unit))

    def open_attempt(self, unit: int) -> int:
        """See Record; a second open attempt of a unit breaks a constraint of the database."""
        cursor = self.db.execute(
            "INSERT INTO attempts (unit, run, opened_at) VALUES (?, ?, ?)", (unit, self.run, time.time())
        )
        return cursor.lastrowid or 0

    def close_attempt(self, closing: AttemptResult) -> None:
        """See Record."""
        code, message = _storable(closing.code), _storable(closing.message)
        row = self.db.execute(
            "UPDATE attempts SET outcome = ?, latency = ?, code = ?, message = ?, request_id = ?, cost_usd = ?"
            " WHERE id = ? AND outcome IS NULL RETURNING unit",
            (
                *(closing.outcome, closing.latency, code, message),
                *(_storable(closing.request_id), closing.cost_usd, closing.attempt),
            ),
        ).fetchone()
        if row is None:
            raise JournalError(f"attempt {closing.attempt} is not open: another process writes to this journal")
        (unit,) = row
        if closing.status is Status.NEW:
            self.db.execute("UPDATE units SET attempts = attempts + 1 WHERE id = ?", (unit,))
            return
        # A complete answer is not given up for something less (--refresh).
        (status,) = self.db.execute(
            "UPDATE units SET attempts = attempts + 1, closed = ?, permanent = ?, code = ?, message = ?,"
            " status = CASE WHEN status = 'ok' THEN status ELSE ? END WHERE id = ? RETURNING status",
            (self.run, closing.permanent, code, message, closing.status, unit),
        ).fetchone()
        if closing.answer is not None and status == closing.status:
            self._keep(unit, closing.answer, "bedrock", closing.cost_usd, closing.latency)

    def fail(self, unit: int, code: str, message: str) -> None:
        """See Record."""
        self.db.execute(
            "UPDATE units SET status = ?, closed = ?, permanent = 0, code = ?, message = ? WHERE id = ?",
            (Status.FAILED, self.run, code, message, unit),
        )

    def fall_back(self, unit: int, answer: Answer, code: str, message: str) -> None:
        """See Record; a unit that has an answer stays taken up: this run brought nothing for it."""
        changed = self.db.execute(
            "UPDATE units SET status = ?, closed = ?, permanent = 0, code = ?, message = ?"
            " WHERE id = ? AND status NOT IN ('ok', 'incomplete')",
            (Status.FALLBACK, self.run, code, _storable(message), unit),
        ).rowcount
        if changed:
            self._keep(unit, answer, "fallback", 0.0, 0.0)

    def _keep(self, unit: int, answer: Answer, source: str, cost: float | None, latency: float) -> None:
        self.db.execute(
            "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?)",
            (unit, self.run, source, answer.raw, answer.sha256, cost, latency),
        )


_HOLD = """
UPDATE units SET status = ?, code = 'Interrupted', message = 'a call may have been paid for; its outcome is unknown'
WHERE status = ? AND (SELECT outcome FROM attempts WHERE unit = units.id ORDER BY id DESC LIMIT 1) = 'unknown'
"""


def _storable(text: str) -> str:
    """Text of a server as SQLite takes it: a lone surrogate is written out."""
    return text.encode("utf-8", "backslashreplace").decode()


def _section_id(section_id: str) -> int:
    """16 hex digits as SQLite's signed 64-bit integer, which is its row's own key."""
    number = int(section_id, 16)
    return number - (1 << 64) if number >> 63 else number


def _json(heading: tuple[str, ...]) -> str:
    return json.dumps(heading, ensure_ascii=False, separators=(",", ":"))
