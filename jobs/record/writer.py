"""Many writes in one transaction: what is asked of the record while a commit runs shares the next one.

A commit that is durable costs a disk's flush, and gathering for a few milliseconds costs a call nothing that a quota
would notice; one flush a call would cost more CPU than the call.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Generic, Protocol, Self, TypeVar

from jobs.errors import storage_error

GATHER = 0.005
"""Seconds for which writes are gathered."""

T = TypeVar("T")
S = TypeVar("S")


class Transactional(Protocol):
    """A store that applies several operations durably together or not at all."""

    def transact(self, operations: list[Callable[[Any], Any]]) -> list[Any]:
        """Run the operations in order in one transaction, commit it durably, and return their results."""
        ...

    def close(self) -> None:
        """Let go of files."""
        ...


class Commit(Protocol):
    """Asks for one operation on the record; done when it is durable, applied even if the caller stops waiting."""

    @property
    def waiting(self) -> int:
        """Operations that were asked for and are not begun."""
        ...

    def __call__(self, operation: Callable[[Any], T], /) -> Awaitable[T]:
        """The operation's result, once committed."""
        ...


class GroupCommit:
    """Runs operations on a store in a thread of its own, many to a transaction, in the order they were asked."""

    def __init__(self, make: Callable[[], Transactional]) -> None:
        """`make` opens the store, in the thread that will use it."""
        self._make = make
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="record")
        self._pending: list[tuple[Callable[[Any], Any], asyncio.Future[Any]]] = []
        self._drainer: asyncio.Task[None] | None = None
        self._failed: Exception | None = None
        self._store: Transactional

    async def __aenter__(self) -> Self:
        """Open the store; its errors pass through."""
        try:
            self._store = await self._in_thread(self._make)
        except BaseException:
            self._thread.shutdown()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Write what was asked, then close."""
        if self._drainer is not None:
            await self._drainer
        await self._in_thread(self._store.close)
        self._thread.shutdown()

    @property
    def waiting(self) -> int:
        """Operations that wait for the next transaction."""
        return len(self._pending)

    def __call__(self, operation: Callable[[Any], T], /) -> "asyncio.Future[T]":
        """Ask for an operation: applied even if the caller stops waiting for it.

        Raises (through the future):
            StorageError: this transaction, or one before it, could not be committed.
            Exception: what an operation raised; nothing of its transaction is in the record.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        if self._failed is not None:
            future.set_exception(self._failed)
            return future
        self._pending.append((operation, future))
        if self._drainer is None:
            self._drainer = asyncio.create_task(self._drain())
        return future

    async def _drain(self) -> None:
        while self._pending:
            await asyncio.sleep(GATHER)
            batch, self._pending = self._pending, []
            try:
                results = await self._in_thread(partial(self._store.transact, [operation for operation, _ in batch]))
            except Exception as error:  # noqa: BLE001 (whatever broke the transaction, nothing of it is in the record)
                self._fail(error, batch)
                break
            for (_, future), result in zip(batch, results, strict=True):
                if not future.done():
                    future.set_result(result)
        self._drainer = None

    def _fail(self, error: Exception, batch: list[tuple[Callable[[Any], Any], asyncio.Future[Any]]]) -> None:
        self._failed = error
        if isinstance(error, sqlite3.Error | OSError):
            self._failed = storage_error("the journal", error)
            self._failed.__cause__ = error
        for _, future in batch + self._pending:
            if not future.done():
                future.set_exception(self._failed)
        self._pending = []

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


class _Applied(Generic[T]):
    """A result that is there at once, and costs no turn of the loop."""

    __slots__ = ("_result",)

    def __init__(self, result: T) -> None:
        self._result = result

    def __await__(self) -> Generator[None, None, T]:
        yield from ()
        return self._result


class DirectCommit(Generic[S]):
    """Applies each operation at once, for a store that has nothing to flush."""

    waiting = 0
    """None ever waits."""

    def __init__(self, store: S) -> None:
        self._store = store

    def __call__(self, operation: Callable[[S], T], /) -> Awaitable[T]:
        """Apply the operation now; what it raises, is raised to whoever waits for it."""
        try:
            return _Applied(operation(self._store))
        except Exception as error:  # noqa: BLE001 (it belongs to whoever asked)
            failed: asyncio.Future[T] = asyncio.get_running_loop().create_future()
            failed.set_exception(error)
            return failed
