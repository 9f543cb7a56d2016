"""Group commits: shared, ordered, durable even for those who stopped waiting, and honest when they fail."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from jobs.errors import StorageError
from jobs.record.writer import DirectCommit, GroupCommit


class Log:
    """A store that notes its transactions, and the thread they ran in."""

    def __init__(self) -> None:
        self.transactions: list[int] = []
        self.operations: list[Any] = []
        self.threads = {threading.get_ident()}
        self.closed = False
        self.broken = False

    def transact(self, operations: list[Callable[["Log"], Any]]) -> list[Any]:
        self.threads.add(threading.get_ident())
        if self.broken:
            raise OSError(28, "No space left on device")
        self.transactions.append(len(operations))
        return [operation(self) for operation in operations]

    def note(self, what: int) -> int:
        self.operations.append(what)
        return what * 2

    def close(self) -> None:
        self.threads.add(threading.get_ident())
        self.closed = True


def noting(what: int) -> Callable[[Log], int]:
    return lambda log: log.note(what)


async def test_what_is_asked_together_shares_a_transaction_and_keeps_its_order():
    log = None

    def make() -> Log:
        nonlocal log
        log = Log()
        return log

    async with GroupCommit(make) as commit:
        assert await asyncio.gather(*(commit(noting(n)) for n in range(100))) == [n * 2 for n in range(100)]
    assert log is not None
    assert log.operations == list(range(100))
    assert len(log.transactions) <= 2
    assert len(log.threads) == 1
    assert threading.get_ident() not in log.threads
    assert log.closed


async def test_an_operation_is_applied_though_its_caller_was_cancelled():
    log = Log()
    async with GroupCommit(lambda: log) as commit:
        task = asyncio.ensure_future(commit(noting(7)))
        await asyncio.sleep(0)
        task.cancel()
    assert log.operations == [7]


async def test_a_failed_commit_reaches_everybody_and_nothing_is_accepted_after_it():
    log = Log()
    async with GroupCommit(lambda: log) as commit:
        log.broken = True
        results = await asyncio.gather(*(commit(noting(n)) for n in range(3)), return_exceptions=True)
        assert all(isinstance(result, StorageError) for result in results)
        log.broken = False
        with pytest.raises(StorageError, match="No space left"):
            await commit(noting(4))
    assert log.operations == []


async def test_a_store_that_cannot_be_opened_says_so():
    def make() -> Log:
        raise PermissionError("no")

    with pytest.raises(PermissionError):
        async with GroupCommit(make):
            pass


async def test_a_direct_commit_applies_at_once():
    log = Log()
    assert await DirectCommit(log)(noting(3)) == 6
