"""The record of an output directory in SQLite: analyses, runs, documents, sections, units, attempts and answers."""

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jobs.documents.document import Document
from jobs.errors import JournalError
from jobs.record.analysis import Analysis, all_analyses, analysis_for
from jobs.record.cache import Cache
from jobs.record.deduplication import Deduplication, store_answer
from jobs.record.journal_file import open_for_writing
from jobs.record.protocol import Enrolment, SectionEntry, Status
from jobs.requests.answer import Answer
from jobs.requests.reply import Reply
from ratelimit.outcome import Outcome


class RunStart(NamedTuple):
    """What the record is told of a run at its start."""

    run_id: str
    started_at: str
    """UTC, ISO 8601."""
    question: str
    """RequestTemplate.question."""
    default_name: str
    """The analysis's name if it is new and the user gave none."""
    name: str | None = None
    """The analysis's name, given by the user."""
    max_tokens: int = 1024
    """Answers that a lower limit cut off are called again."""
    selected: frozenset[Status] = frozenset()
    """Units of these statuses are called again."""
    hold: bool = False
    """Hold the units of attempts that a killed run left open; otherwise they are called again."""
    keep_text: bool = True
    """Keep the sections' texts."""


class Journal:
    """The record in a SQLite file: one connection, one thread, one process (jobs.record.output_lock)."""

    def __init__(self, path: Path) -> None:
        """Open, create or migrate the journal; see journal_file.open_for_writing."""
        self.db, self.backup = open_for_writing(path)
        self.run = 0
        """Id of the current run; 0 before `begin`."""
        self.sections_left = 0
        """Sections that documents of this run no longer have."""
        self.analysis: Analysis
        """The current run's, from `begin` on."""
        self._start: RunStart
        self._source, self._max_tokens = "bedrock", 0
        self._deduplication: Deduplication

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

    def begin(self, start: RunStart) -> int:
        """Begin a run; returns the number of attempts that killed runs left open.

        Their outcome is unknown: they may have been billed.

        Raises:
            ConfigurationError: the name belongs to another question.
        """
        self._start = start
        self.analysis = analysis_for(self.db, start.question, start.name, start.default_name)
        cursor = self.db.execute(
            "INSERT INTO runs (run_id, started_at, analysis, max_tokens) VALUES (?, ?, ?, ?)",
            (start.run_id, start.started_at, self.analysis.id, start.max_tokens),
        )
        self.act_for(cursor.lastrowid or 0)
        self._deduplication = Deduplication(
            self.db,
            self.run,
            self.analysis.id,
            all_analyses(self.db),
            start.selected,
            start.max_tokens,
            start.keep_text,
        )
        self.db.execute(
            "UPDATE units SET attempts = attempts + 1 WHERE id IN (SELECT unit FROM attempts WHERE outcome IS NULL)"
        )
        interrupted = self.db.execute(
            "UPDATE attempts SET outcome = ?, code = 'Interrupted' WHERE outcome IS NULL", (Outcome.UNKNOWN,)
        ).rowcount
        if start.hold:
            self.db.execute(_HOLD, (Status.HELD, Status.NEW))
        return interrupted

    def act_for(self, run: int) -> None:
        """Close attempts in the name of this run from now on."""
        self.run = run
        self._max_tokens, endpoint = self.db.execute(
            "SELECT max_tokens, json_extract(question, '$.endpoint') FROM runs r JOIN analyses n ON n.id = analysis"
            " WHERE r.id = ?",
            (run,),
        ).fetchone()
        self._source = "emulator" if endpoint == "emulator" else "bedrock"

    def version_1_limits(self) -> list[int]:
        """The values of maxTokens that keys migrated from version 1 may have: this run's, the default, and others seen.

        Empty if no unit was migrated.
        """
        migrated = [analysis.id for analysis in all_analyses(self.db) if analysis.is_migrated]
        if not migrated:
            return []
        marks = ",".join("?" * len(migrated))
        query = f"SELECT DISTINCT cut_off_at FROM answers JOIN units ON id = unit WHERE analysis IN ({marks})"  # noqa: S608 (question marks only)
        seen = {limit for (limit,) in self.db.execute(query, migrated) if limit}
        return sorted(seen | {self._start.max_tokens, _DEFAULT_LIMIT})

    def end(self, ended_at: str, summary: str) -> None:
        self.db.execute("UPDATE runs SET ended_at = ?, summary = ? WHERE id = ?", (ended_at, summary, self.run))

    def begin_document(self, path: str, position: int) -> int:
        """A document of this run at this position of the listing; returns its id."""
        (document,) = self.db.execute(
            "INSERT INTO documents (analysis, path, position, met) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (analysis, path) DO UPDATE SET"
            " position = excluded.position, met = excluded.met, gone = 0, status = 'partial' RETURNING id",
            (self.analysis.id, path, position, self.run),
        ).fetchone()
        return int(document)

    def end_document(self, document: int, read: Document) -> None:
        """The document was read to its end.

        If it could not be read, or was only sampled, its earlier sections stay in the results.
        """
        unreadable = read.status == "unreadable"
        if not unreadable and read.status != "sampled":
            (left,) = self.db.execute(_SECTIONS_LEFT, (document, self.run)).fetchone()
            self.sections_left += left
        self.db.execute(
            "UPDATE documents SET status = iif(?1 = 'sampled' AND run > 0, 'ok', ?1), error = ?2 WHERE id = ?3",
            (read.status, read.error, document),
        )
        if read.status == "sampled":
            self.db.execute(
                "UPDATE documents SET format = ?, bytes = ?, sections = max(sections, ?) WHERE id = ?",
                (read.format, read.bytes, read.sections, document),
            )
            return
        self.db.execute(
            "UPDATE documents SET run = ?, format = ?, bytes = ?, sections = ? WHERE id = ? AND (run = 0 OR NOT ?)",
            (0 if unreadable else self.run, read.format, read.bytes, read.sections, document, unreadable),
        )

    def enroll(self, document: int, entries: Sequence[SectionEntry], cache: Cache | None) -> list[Enrolment]:
        """Enroll sections of a document; an answer that `cache` has is copied into the journal."""
        return self._deduplication.enroll(document, entries, cache)

    def open_attempt(self, unit: int, largest_cost_usd: float | None) -> int:
        """See Record.open; a second open attempt of a unit violates a constraint of the database."""
        cursor = self.db.execute(
            "INSERT INTO attempts (unit, run, opened_at, largest_cost_usd) VALUES (?, ?, ?, ?)",
            (unit, self.run, time.time(), largest_cost_usd),
        )
        return cursor.lastrowid or 0

    def close_attempt(
        self, attempt: int, reply: Reply, status: Status, *, cost_usd: float | None, permanent: bool
    ) -> int:
        """See Record.close; returns the unit."""
        code, message = _storable(reply.code), _storable(reply.message)
        usage = reply.answer.usage if reply.answer else None
        row = self.db.execute(
            "UPDATE attempts SET outcome = ?, sent = ?, latency = ?, code = ?, message = ?, request_id = ?,"
            " input_tokens = ?, output_tokens = ?, cost_usd = ?"
            " WHERE id = ? AND outcome IS NULL RETURNING unit, opened_at",
            (
                reply.outcome, reply.sent, reply.latency, code, message, _storable(reply.request_id),
                usage and usage.input_tokens, usage and usage.output_tokens, cost_usd, attempt,
            ),
        ).fetchone()  # fmt: skip
        if row is None:
            raise JournalError(f"attempt {attempt} is not open: another process writes to this journal")
        unit, opened_at = row
        (old,) = self.db.execute(
            "UPDATE units SET attempts = attempts + 1 WHERE id = ? RETURNING status", (unit,)
        ).fetchone()
        if status is not Status.NEW:
            kept = Status(old).survives(status)
            self._close_unit(unit, Status(old) if kept else status, code, message, permanent=permanent)
            if reply.answer is not None and not kept:
                answered_at = opened_at + reply.latency
                store_answer(
                    self.db, self.run, unit, reply.answer, self._source, answered_at, cost_usd, reply.latency,
                    max_tokens=self._max_tokens,
                )  # fmt: skip
        return int(unit)

    def close_uncalled(self, unit: int, status: Status, code: str, message: str, answer: Answer | None = None) -> None:
        (old,) = self.db.execute("SELECT status FROM units WHERE id = ?", (unit,)).fetchone()
        if not Status(old).survives(status):
            self._close_unit(unit, status, code, _storable(message))
            if answer is not None:
                store_answer(self.db, self.run, unit, answer, "fallback", time.time(), 0.0, 0.0)

    def fail_damaged(self, keys: Iterable[bytes], code: str, message: str) -> None:
        """The answers of these units are damaged: the next run calls again."""
        for key in keys:
            query = "SELECT id FROM units WHERE key = ? AND analysis = ?"
            (unit,) = self.db.execute(query, (key, self.analysis.id)).fetchone()
            self._close_unit(unit, Status.FAILED, code, message)

    def _close_unit(self, unit: int, status: Status, code: str, message: str, *, permanent: bool = False) -> None:
        self.db.execute(
            "UPDATE units SET status = ?, closed = ?, permanent = ?, code = ?, message = ? WHERE id = ?",
            (status, self.run, permanent, code, message, unit),
        )


_DEFAULT_LIMIT = 1024
"""The default of --max-tokens in version 1."""

_SECTIONS_LEFT = """
SELECT count(*) FROM sections s JOIN documents d ON d.id = s.document
WHERE d.id = ? AND d.run > 0 AND s.run BETWEEN d.run AND ? - 1
"""

_HOLD = """
UPDATE units SET status = ?, code = 'Interrupted', message = 'a call may have been billed; its outcome is unknown'
WHERE status = ? AND (SELECT outcome FROM attempts WHERE unit = units.id ORDER BY id DESC LIMIT 1) = 'unknown'
"""


def _storable(text: str) -> str:
    """SQLite takes no lone surrogates: they are escaped."""
    return text.encode("utf-8", "backslashreplace").decode()
