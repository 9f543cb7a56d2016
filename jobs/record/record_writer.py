"""The record on disk for the event loop: the journal, the cache and the spool behind one thread."""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from jobs.documents.document import Document
from jobs.errors import LockedError, StorageError
from jobs.record.cache import Cache
from jobs.record.deleted_journal import restored
from jobs.record.group_commit import GroupCommit
from jobs.record.journal import Journal
from jobs.record.protocol import Enrolment, SectionEntry, Status
from jobs.record.spool import ClosedAttempt, Spool
from jobs.requests.answer import Answer
from jobs.requests.reply import Reply

if TYPE_CHECKING:
    import asyncio


class Watcher(Protocol):
    """What is told, in the journal's thread, of the operations of a transaction, and then of its commit."""

    def enrolled(self, entries: Sequence[SectionEntry], enrolments: Sequence[Enrolment]) -> None: ...

    def closed(self, unit: int) -> None: ...

    def committed(self, journal: Journal) -> None: ...


class RecordWriter(GroupCommit):
    """Implements Record. Journal and cache are opened, used and closed in its thread.

    Where the journal fails, attempts are closed in the spool, and complete answers still reach the cache.
    """

    def __init__(
        self,
        path: Path,
        spool: Spool,
        open_journal: Callable[[Path], Journal],
        open_cache: Callable[[], Cache | None] = lambda: None,
        watcher: Watcher | None = None,
    ) -> None:
        super().__init__(lambda: open_journal(path))
        self._path, self._spool, self._open_cache = path, spool, open_cache
        self.cache: Cache | None = None
        self._keys: dict[int, bytes] = {}
        """Keys of the units with an open attempt, by attempt."""
        self._restored: bool | None = None
        """Whether the journal had been deleted and is written again; None until a transaction fails."""
        self._lock = ExitStack()
        self._watcher = watcher

    @property
    def failure(self) -> StorageError | None:
        """Why the journal takes no more, and what became of the calls in flight; None if it does, or for a bug."""
        if not isinstance(self._failure, StorageError):
            return None
        restored = "it had been deleted and is restored" if self._restored else ""
        parts = self._failure.message, restored, self._spool.outcome()
        return StorageError("; ".join(part for part in parts if part), self._failure.hint)

    def _open(self) -> None:
        super()._open()
        self.cache = self._open_cache()

    def _close(self) -> None:
        try:
            if self.cache:
                self.cache.close()
        finally:
            super()._close()
            self._lock.close()

    def committed(self) -> None:
        """Tell the watcher."""
        if self._watcher:
            self._watcher.committed(self._opened)

    def rescue(self, lost: list[ClosedAttempt]) -> None:
        """Save attempts outside the journal."""
        if self._restored is None:
            self._restored = False
            with suppress(OSError, sqlite3.Error, LockedError):
                self._restored = self._lock.enter_context(restored(self._opened, self._path))
        if lost:
            self._spool.save(lost)
        for attempt in lost:
            self._keep(attempt.key, attempt.reply, attempt.status)

    def _keep(self, key: bytes, reply: Reply, status: Status) -> None:
        if self.cache and status is Status.OK and reply.answer is not None:
            self.cache.keep(key, reply.answer)

    def enroll(
        self, document: Document, position: int, entries: Sequence[SectionEntry], *, done: bool
    ) -> "asyncio.Future[list[Enrolment]]":
        def enroll(journal: Journal) -> list[Enrolment]:
            number = journal.begin_document(document.path, position)
            enrolments = journal.enroll(number, entries, self.cache) if entries else []
            if self._watcher:
                self._watcher.enrolled(entries, enrolments)
            if done:
                journal.end_document(number, document)
            return enrolments

        return self.submit(enroll)

    def open(self, unit: int, largest_cost_usd: float | None) -> "asyncio.Future[int]":
        def open_attempt(journal: Journal) -> int:
            attempt = journal.open_attempt(unit, largest_cost_usd)
            (self._keys[attempt],) = journal.db.execute("SELECT key FROM units WHERE id = ?", (unit,)).fetchone()
            return attempt

        return self.submit(open_attempt)

    def close(
        self, attempt: int, reply: Reply, status: Status, *, cost_usd: float | None, permanent: bool
    ) -> "asyncio.Future[None]":
        key = self._keys.pop(attempt, b"")

        def close(journal: Journal) -> None:
            unit = journal.close_attempt(attempt, reply, status, cost_usd=cost_usd, permanent=permanent)
            self._keep(key, reply, status)
            if self._watcher:
                self._watcher.closed(unit)

        return self.submit(close, ClosedAttempt(self._spool.run_id, attempt, key, reply, status, cost_usd, permanent))

    def close_uncalled(
        self, unit: int, status: Status, code: str, message: str, answer: Answer | None = None
    ) -> "asyncio.Future[None]":
        def close(journal: Journal) -> None:
            journal.close_uncalled(unit, status, code, message, answer)
            if self._watcher:
                self._watcher.closed(unit)

        return self.submit(close)
