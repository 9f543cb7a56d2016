"""The record on disk for the event loop: the journal and the cache behind one thread."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from jobs.documents.document import Document
from jobs.record.cache import Cache
from jobs.record.group_commit import GroupCommit
from jobs.record.journal import Journal
from jobs.record.protocol import Enrolment, SectionEntry, Status
from jobs.requests.answer import Answer
from jobs.requests.reply import Reply

if TYPE_CHECKING:
    import asyncio


class RecordWriter(GroupCommit):
    """Implements Record. Journal and cache are opened, used and closed in its thread."""

    def __init__(self, open_journal: Callable[[], Journal], open_cache: Callable[[], Cache] | None = None) -> None:
        super().__init__(open_journal)
        self._open_cache = open_cache
        self.cache: Cache | None = None

    def _open(self) -> None:
        super()._open()
        if self._open_cache:
            self.cache = self._open_cache()

    def _close(self) -> None:
        try:
            if self.cache:
                self.cache.close()
        finally:
            super()._close()

    def enroll(
        self, document: Document, position: int, entries: Sequence[SectionEntry], *, done: bool
    ) -> "asyncio.Future[list[Enrolment]]":
        def enroll(journal: Journal) -> list[Enrolment]:
            number = journal.begin_document(document.path, position)
            enrolments = journal.enroll(number, entries, self.cache) if entries else []
            if done:
                journal.end_document(number, document)
            return enrolments

        return self.submit(enroll)

    def open(self, unit: int, largest_cost_usd: float | None) -> "asyncio.Future[int]":
        return self.submit(lambda journal: journal.open_attempt(unit, largest_cost_usd))

    def close(
        self, attempt: int, reply: Reply, status: Status, *, cost_usd: float | None, permanent: bool
    ) -> "asyncio.Future[None]":
        def close(journal: Journal) -> None:
            key = journal.close_attempt(attempt, reply, status, cost_usd=cost_usd, permanent=permanent)
            if self.cache and status is Status.OK and reply.answer is not None:
                self.cache.keep(key, reply.answer)

        return self.submit(close)

    def close_uncalled(
        self, unit: int, status: Status, code: str, message: str, answer: Answer | None = None
    ) -> "asyncio.Future[None]":
        return self.submit(lambda journal: journal.close_uncalled(unit, status, code, message, answer))
