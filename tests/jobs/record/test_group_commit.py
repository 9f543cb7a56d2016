"""Operations share transactions, keep their order, and reach the disk even if their caller is cancelled."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from jobs.errors import StorageError
from jobs.record.group_commit import GroupCommit


class Log:
    """In place of a journal: notes its operations, its transactions and the threads they ran in."""

    def __init__(self) -> None:
        self.transactions: list[int] = []
        self.operations: list[Any] = []
        self.threads = {threading.get_ident()}
        self.closed = False
        self.broken = False
        self.entered = threading.Event()
        self.may_commit = threading.Event()
        self.may_commit.set()

    def transact(self, operations: list[Callable[["Log"], Any]]) -> list[Any]:
        self.threads.add(threading.get_ident())
        self.entered.set()
        self.may_commit.wait(10)
        if self.broken:
            raise OSError(28, "No space left on device")
        self.transactions.append(len(operations))
        return [operation(self) for operation in operations]

    def note(self, number: int) -> int:
        self.operations.append(number)
        return number * 2

    def close(self) -> None:
        self.threads.add(threading.get_ident())
        self.closed = True


def noting(number: int) -> Callable[[Log], int]:
    return lambda log: log.note(number)


async def test_operations_submitted_together_share_a_transaction_in_order():
    log = None

    def open_log() -> Log:
        nonlocal log
        log = Log()
        return log

    async with GroupCommit(open_log) as commit:
        assert await asyncio.gather(*(commit.submit(noting(n)) for n in range(100))) == [n * 2 for n in range(100)]
    assert log is not None
    assert log.operations == list(range(100))
    assert len(log.transactions) <= 2
    assert len(log.threads) == 1
    assert threading.get_ident() not in log.threads
    assert log.closed


async def test_an_operation_is_applied_even_if_its_caller_is_cancelled():
    log = Log()
    async with GroupCommit(lambda: log) as commit:
        task = asyncio.ensure_future(commit.submit(noting(7)))
        await asyncio.sleep(0)
        task.cancel()
    assert log.operations == [7]


async def test_a_failed_commit_fails_every_operation_after_it():
    log = Log()
    async with GroupCommit(lambda: log) as commit:
        log.broken = True
        results = await asyncio.gather(*(commit.submit(noting(n)) for n in range(3)), return_exceptions=True)
        assert all(isinstance(result, StorageError) for result in results)
        log.broken = False
        with pytest.raises(StorageError, match="No space left"):
            await commit.submit(noting(4))
    assert log.operations == []
    assert log.closed


async def test_what_can_no_longer_be_committed_is_rescued_in_order():
    class Rescuing(GroupCommit):
        rescued: ClassVar[list[Any]] = []

        def rescue(self, lost: list[Any]) -> None:
            self.rescued.extend(lost)

    log = Log()
    async with Rescuing(lambda: log) as commit:
        await commit.submit(noting(0), "committed")
        log.broken = True
        for number in range(3):
            commit.submit(noting(number), number or None)
        with pytest.raises(StorageError):
            await commit.submit(noting(3), 3)
        log.broken = False
        commit.submit(noting(4), 4)
        assert await commit.read(lambda log: log.operations) == [0]
    assert commit.rescued == [1, 2, 3, 4]
    assert log.operations == [0]


async def test_an_error_on_opening_the_store_reaches_the_caller():
    def fail() -> Log:
        raise PermissionError("no")

    with pytest.raises(PermissionError):
        async with GroupCommit(fail):
            pass


@pytest.mark.parametrize("signals", [1, 2])
async def test_cancelled_while_it_commits_it_loses_no_operation_and_closes_the_store(signals):
    log = Log()
    log.may_commit.clear()

    async def run() -> None:
        async with GroupCommit(lambda: log) as commit:
            for number in range(3):
                commit.submit(noting(number))

    task = asyncio.create_task(run())
    assert await asyncio.to_thread(log.entered.wait, 10)
    for _ in range(signals):
        task.cancel()
        await asyncio.sleep(0)
    log.may_commit.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert log.operations == [0, 1, 2]
    assert log.closed


async def test_cancelled_while_it_opens_the_store_it_closes_it():
    log, opening, may_open = Log(), threading.Event(), threading.Event()

    def slow() -> Log:
        opening.set()
        may_open.wait(10)
        return log

    async def run() -> None:
        async with GroupCommit(slow):
            raise AssertionError("not reached")

    task = asyncio.create_task(run())
    assert await asyncio.to_thread(opening.wait, 10)
    for _ in range(2):
        task.cancel()
        await asyncio.sleep(0)
    may_open.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert log.closed
