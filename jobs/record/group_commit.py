"""Group commit: operations on a store run in one thread, many to a transaction.

A durable commit costs a disk flush. Operations that arrive within a few milliseconds share one, so a flush costs less
CPU than a call; the delay is negligible beside one.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, Protocol, Self, TypeVar

from jobs.errors import storage_error

GATHER = 0.005
"""Seconds for which operations are gathered into one transaction."""


class Transactional(Protocol):
    """A store that applies operations durably and all together, or not at all."""

    def transact(self, operations: list[Callable[[Any], Any]]) -> list[Any]:
        """Run the operations in order in one transaction, commit it durably, and return their results."""
        ...

    def close(self) -> None: ...


T = TypeVar("T")
S = TypeVar("S", bound=Transactional)


class GroupCommit(Generic[S]):
    """Runs operations on a store in its own thread, in the order of submission."""

    def __init__(self, open_store: Callable[[], S]) -> None:
        """`open_store` is called in the thread."""
        self._open_store = open_store
        self._store: S | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="record")
        self._pending: list[tuple[Callable[[S], Any], asyncio.Future[Any]]] = []
        self._drainer: asyncio.Task[None] | None = None
        self._failure: Exception | None = None

    async def __aenter__(self) -> Self:
        """Open the store.

        Raises:
            Exception: whatever `open_store` raised.
        """
        try:
            await _finish(self._in_thread(self._open))
        except BaseException:
            await _finish(self._shut_down())
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Apply pending operations and close the store, even if cancelled meanwhile."""
        await _finish(self._shut_down())

    @property
    def waiting(self) -> int:
        return len(self._pending)

    def submit(self, operation: Callable[[S], T]) -> "asyncio.Future[T]":
        """Apply an operation in the next transaction, even if its caller stops waiting; done when it is durable.

        Raises (through the future):
            StorageError: this transaction, or an earlier one, could not be committed.
            Exception: whatever an operation raised; nothing of its transaction is in the store.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        if self._failure is not None:
            future.set_exception(self._failure)
            return future
        self._pending.append((operation, future))
        if self._drainer is None:
            self._drainer = asyncio.create_task(self._drain())
        return future

    def _open(self) -> None:
        self._store = self._open_store()

    def _close_store(self) -> None:
        if self._store is not None:
            self._store.close()

    async def _shut_down(self) -> None:
        if self._drainer is not None:
            await self._drainer
        await self._in_thread(self._close_store)
        self._thread.shutdown()

    async def _drain(self) -> None:
        store = self._store
        assert store is not None, "submit needs an open store"  # noqa: S101 (for the type checker)
        while self._pending:
            await asyncio.sleep(GATHER)
            batch, self._pending = self._pending, []
            operations = [operation for operation, _ in batch]
            try:
                results = await self._in_thread(lambda: store.transact(operations))  # noqa: B023 (awaited at once)
            except Exception as error:  # noqa: BLE001 (nothing of the transaction is in the store, whatever failed)
                self._fail(error, batch)
                break
            for (_, future), result in zip(batch, results, strict=True):
                if not future.done():
                    future.set_result(result)
        self._drainer = None

    def _fail(self, error: Exception, batch: list[tuple[Callable[[S], Any], "asyncio.Future[Any]"]]) -> None:
        self._failure = error
        if isinstance(error, sqlite3.Error | OSError):
            self._failure = storage_error("the journal", error)
            self._failure.__cause__ = error
        for _, future in batch + self._pending:
            if not future.done():
                future.set_exception(self._failure)
        self._pending = []

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
