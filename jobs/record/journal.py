"""The record of an output directory in SQLite: runs, documents, sections, units, attempts and answers.

Rollback journal (DELETE) with synchronous=EXTRA: no commit is lost in a power cut. WAL can corrupt a database in SQLite
before 3.51.3. One connection, one thread, one process (jobs.record.output_lock).
"""

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from importlib.resources import files
from pathlib import Path
from typing import Any

from jobs.documents.document import Document
from jobs.errors import JournalError
from jobs.record.cache import Cache
from jobs.record.deduplication import Deduplication, store_answer
from jobs.record.protocol import Enrolment, SectionEntry, Status
from jobs.requests.answer import Answer
from jobs.requests.reply import Reply
from ratelimit.outcome import Outcome

SCHEMA_VERSION = 1
APPLICATION_ID = 0x62726274
"""`brbt` in SQLite's header marks the file as a journal of bedrock-batch."""
BUSY_TIMEOUT = 60.0
"""Seconds to wait for another program that reads the journal; giving up would lose the calls in flight."""


class Journal:
    """The SQLite file. A new file has mode 0600; an existing one is checked before use."""

    def __init__(self, path: Path) -> None:
        """Open or create the journal.

        Raises:
            JournalError: the file is damaged, or belongs to another program or to a newer version.
            sqlite3.Error, OSError: it cannot be opened or written.
        """
        if not path.exists() or not path.stat().st_size:
            _refuse_if_lost(path)
        path.touch(mode=0o600)
        self.db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=BUSY_TIMEOUT)
        self.run = 0
        """Id of the current run; 0 before `begin`."""
        self._selected: frozenset[Status] = frozenset()
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
        schema = files("jobs.record").joinpath("schema.sql").read_text()
        if not tables:
            self.db.executescript(
                f"BEGIN IMMEDIATE; {schema} PRAGMA application_id = {APPLICATION_ID};"
                f"PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
            )
        elif application != APPLICATION_ID:
            raise JournalError(f"{path} is not a journal of bedrock-batch", "choose another --output")
        elif version > SCHEMA_VERSION:
            raise JournalError(f"{path} was written by a newer version of bedrock-batch", "upgrade bedrock-batch")
        else:
            self._check(schema)

    def _check(self, schema: str) -> None:
        """Find damage that SQLite does not know of before the first call: each call needs all columns.

        Raises:
            sqlite3.DatabaseError: a column is missing, or a unit has an unknown status.
        """
        with closing(sqlite3.connect(":memory:")) as expected:
            expected.executescript(schema)
            missing = set(expected.execute(_COLUMNS)) - set(self.db.execute(_COLUMNS))
        if missing:
            raise sqlite3.DatabaseError(f"no column {'.'.join(min(missing))}")
        known = f"({','.join('?' * len(Status))})"
        unknown = self.db.execute(f"SELECT status FROM units WHERE status NOT IN {known} LIMIT 1", [*Status]).fetchone()  # noqa: S608 (question marks only)
        if unknown:
            raise sqlite3.DatabaseError(f"a unit has the status {unknown[0]!r:.40}")

    def close(self) -> None:
        self.db.close()

    def transact(self, operations: list[Callable[["Journal"], Any]]) -> list[Any]:
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
        self, run_id: str, started_at: str, model: str, endpoint: str, selected: frozenset[Status], *, hold: bool
    ) -> int:
        """Begin a run; returns the number of attempts that killed runs left open.

        Their outcome is unknown: they may have been billed. `hold` holds their units; otherwise they are called again.
        `selected`: see Deduplication.
        """
        cursor = self.db.execute(
            "INSERT INTO runs (run_id, started_at, model, endpoint) VALUES (?, ?, ?, ?)",
            (run_id, started_at, model, endpoint),
        )
        self.run, self._selected = cursor.lastrowid or 0, selected
        self.db.execute(
            "UPDATE units SET attempts = attempts + 1 WHERE id IN (SELECT unit FROM attempts WHERE outcome IS NULL)"
        )
        interrupted = self.db.execute(
            "UPDATE attempts SET outcome = ?, code = 'Interrupted' WHERE outcome IS NULL", (Outcome.UNKNOWN,)
        ).rowcount
        if hold:
            self.db.execute(_HOLD, (Status.HELD, Status.NEW))
        return interrupted

    def end(self, ended_at: str, summary: str) -> None:
        self.db.execute("UPDATE runs SET ended_at = ?, summary = ? WHERE id = ?", (ended_at, summary, self.run))

    def begin_document(self, path: str, position: int) -> int:
        """A document of this run at this position of the listing; returns its id."""
        (document,) = self.db.execute(
            "INSERT INTO documents (path, position, met) VALUES (?, ?, ?) ON CONFLICT (path) DO UPDATE SET"
            " position = excluded.position, met = excluded.met, gone = 0, status = 'partial' RETURNING id",
            (path, position, self.run),
        ).fetchone()
        return int(document)

    def end_document(self, document: int, read: Document) -> None:
        """The document was read to its end, or could not be read: then its earlier sections stay in the results."""
        self.db.execute("UPDATE documents SET status = ?, error = ? WHERE id = ?", (read.status, read.error, document))
        unreadable = read.status == "unreadable"
        self.db.execute(
            "UPDATE documents SET run = ?, format = ?, bytes = ?, sections = ? WHERE id = ? AND (run = 0 OR NOT ?)",
            (0 if unreadable else self.run, read.format, read.bytes, read.sections, document, unreadable),
        )

    def enroll(self, document: int, entries: Sequence[SectionEntry], cache: Cache | None) -> list[Enrolment]:
        """Enroll sections of a document; an answer that `cache` has is copied into the journal."""
        return Deduplication(self.db, self.run, self._selected, cache).enroll(document, entries)

    def open_attempt(self, unit: int) -> int:
        """See Record.open; a second open attempt of a unit violates a constraint of the database."""
        cursor = self.db.execute(
            "INSERT INTO attempts (unit, run, opened_at) VALUES (?, ?, ?)", (unit, self.run, time.time())
        )
        return cursor.lastrowid or 0

    def close_attempt(
        self, attempt: int, reply: Reply, status: Status, *, cost_usd: float | None, permanent: bool
    ) -> bytes:
        """See Record.close; returns the key of the attempt's unit."""
        code, message = _storable(reply.code), _storable(reply.message)
        row = self.db.execute(
            "UPDATE attempts SET outcome = ?, latency = ?, code = ?, message = ?, request_id = ?, cost_usd = ?"
            " WHERE id = ? AND outcome IS NULL RETURNING unit",
            (reply.outcome, reply.latency, code, message, _storable(reply.request_id), cost_usd, attempt),
        ).fetchone()
        if row is None:
            raise JournalError(f"attempt {attempt} is not open: another process writes to this journal")
        (unit,) = row
        old, key = self.db.execute(
            "UPDATE units SET attempts = attempts + 1 WHERE id = ? RETURNING status, key", (unit,)
        ).fetchone()
        if status is not Status.NEW:
            kept = Status(old).survives(status)
            self._close_unit(unit, Status(old) if kept else status, code, message, permanent=permanent)
            if reply.answer is not None and not kept:
                store_answer(self.db, self.run, unit, reply.answer, "bedrock", cost_usd, reply.latency)
        return bytes(key)

    def close_uncalled(self, unit: int, status: Status, code: str, message: str, answer: Answer | None = None) -> None:
        (old,) = self.db.execute("SELECT status FROM units WHERE id = ?", (unit,)).fetchone()
        if not Status(old).survives(status):
            self._close_unit(unit, status, code, _storable(message))
            if answer is not None:
                store_answer(self.db, self.run, unit, answer, "fallback", 0.0, 0.0)

    def fail_damaged(self, keys: Iterable[bytes], code: str, message: str) -> None:
        """The answers of these units are damaged: the next run calls again."""
        for key in keys:
            (unit,) = self.db.execute("SELECT id FROM units WHERE key = ?", (key,)).fetchone()
            self._close_unit(unit, Status.FAILED, code, message)

    def _close_unit(self, unit: int, status: Status, code: str, message: str, *, permanent: bool = False) -> None:
        self.db.execute(
            "UPDATE units SET status = ?, closed = ?, permanent = ?, code = ?, message = ? WHERE id = ?",
            (status, self.run, permanent, code, message, unit),
        )


def _refuse_if_lost(path: Path) -> None:
    """Refuse to start a new journal where an earlier one is missing: every answer would be paid for again."""
    if path.is_symlink():
        lost = "a link to a file that is missing or empty"
    elif any(path.with_name(name).exists() for name in ("results.jsonl", "documents.jsonl")) or _had_sections(path):
        lost = "missing or empty, but there are results"
    else:
        return
    hint = "restore it from a backup; to pay for all answers again, choose another --output"
    raise JournalError(f"{path} is {lost}", hint)


def _had_sections(path: Path) -> bool:
    """Whether summary.json tells of sections: a run that failed before it opened its journal leaves one as well."""
    try:
        summary = json.loads(path.with_name("summary.json").read_bytes())
    except FileNotFoundError:
        return False
    except ValueError:
        return True
    return not isinstance(summary, dict) or bool(summary.get("sections"))


_COLUMNS = """
SELECT t.name, c.name FROM sqlite_master t, pragma_table_info(t.name) c WHERE t.type IN ('table', 'view')
"""

_HOLD = """
UPDATE units SET status = ?, code = 'Interrupted', message = 'a call may have been billed; its outcome is unknown'
WHERE status = ? AND (SELECT outcome FROM attempts WHERE unit = units.id ORDER BY id DESC LIMIT 1) = 'unknown'
"""


def _storable(text: str) -> str:
    """SQLite takes no lone surrogates: they are escaped."""
    return text.encode("utf-8", "backslashreplace").decode()
