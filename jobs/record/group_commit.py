"""Group commit: operations on the journal run in one thread, many to a transaction.

A durable commit costs a disk flush. Operations that arrive within a few milliseconds share one, so a flush costs less
CPU than a call; the delay is negligible beside one.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple, Self, TypeVar

from jobs.errors import storage_error
from jobs.record.journal import Journal

GATHER = 0.005
"""Seconds for which operations are gathered into one transaction."""

T = TypeVar("T")


class _Pending(NamedTuple):
    operation: Callable[[Journal], Any]
    done: "asyncio.Future[Any]"
    rescued: object


class GroupCommit:
    """Runs operations on the journal in its own thread, in the order of submission."""

    def __init__(self, open_journal: Callable[[], Journal]) -> None:
        """`open_journal` is called in the thread."""
        self._open_journal = open_journal
        self._journal: Journal | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="record")
        self._pending: list[_Pending] = []
        self._drainer: asyncio.Task[None] | None = None
        self._failure: Exception | None = None

    async def __aenter__(self) -> Self:
        """Open the journal.

        Raises:
            Exception: whatever `open_journal` raised.
        """
        try:
            await _finish(self._in_thread(self._open))
        except BaseException:
            await _finish(self._shut_down())
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Apply pending operations and close the journal, even if cancelled meanwhile."""
        await _finish(self._shut_down())

    @property
    def waiting(self) -> int:
        return len(self._pending)

    def submit(self, operation: Callable[[Journal], T], rescued: object = None) -> "asyncio.Future[T]":
        """Apply an operation in the next transaction, even if its caller stops waiting; done when it is durable.

        `rescued`: what goes to `rescue` in the operation's place once a transaction has failed.

        Raises (through the future):
            StorageError: this transaction, or an earlier one, could not be committed.
            Exception: whatever an operation raised; nothing of its transaction is in the journal.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._pending.append(_Pending(operation, future, rescued))
        if self._drainer is None:
            self._drainer = asyncio.create_task(self._drain())
        return future

    async def read(self, operation: Callable[[Journal], T]) -> T:
        """Run an operation that only reads, also after a transaction has failed."""
        return await self._in_thread(lambda: operation(self._opened))

    def committed(self) -> None:
        """Called in the thread after each transaction."""

    def rescue(self, lost: list[Any]) -> None:
        """Called in the thread with what can no longer be committed."""

    @property
    def _opened(self) -> Journal:
        assert self._journal is not None, "an operation needs an open journal"  # noqa: S101 (for the type checker)
        return self._journal

    def _open(self) -> None:
        self._journal = self._open_journal()

    def _close(self) -> None:
        if self._journal is not None:
            self._journal.close()

    async def _shut_down(self) -> None:
        if self._drainer is not None:
            await self._drainer
        await self._in_thread(self._close)
        self._thread.shutdown()

    async def _drain(self) -> None:
        while self._pending:
            await asyncio.sleep(GATHER)
            batch, self._pending = self._pending, []
            try:
                results = await self._in_thread(partial(self._commit, batch))
            except Exception as error:  # noqa: BLE001 (whatever failed, it is the callers')
                for _, done, _ in batch:
                    if not done.done():
                        done.set_exception(error)
                        done.exception()  # nobody may be waiting for it any more
            else:
                for (_, done, _), result in zip(batch, results, strict=True):
                    if not done.done():
                        done.set_result(result)
        self._drainer = None

    def _commit(self, batch: list[_Pending]) -> list[Any]:
        """Commit a batch, unless a transaction has failed: whether that one was written shows in the next run.

        Nothing more is written then, as the pages of a failed flush count as written.
        """
        if self._failure is None:
            try:
                results = self._opened.transact([operation for operation, _, _ in batch])
            except Exception as error:  # noqa: BLE001 (raised below)
                self._failure = error
                if isinstance(error, sqlite3.Error | OSError):
                    self._failure = storage_error("the journal", error)
                    self._failure.__cause__ = error
            else:
                self.committed()
                return results
        self.rescue([rescued for _, _, rescued in batch if rescued is not None])
        raise self._failure

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


async def _finish(work: Coroutine[Any, Any, None]) -> None:
    """Await `work` to its end; a cancellation meanwhile is raised afterwards."""
    task, cancelled = asyncio.ensure_future(work), False
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            cancelled = True
    task.result()
    if cancelled:
        raise asyncio.CancelledError
