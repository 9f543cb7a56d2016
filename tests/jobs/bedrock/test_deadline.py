"""The deadline of a call, in virtual time; and on the loops that programs use."""

import asyncio

import pytest

from jobs.bedrock.deadline import GRACE, LATE, Deadline
from ratelimit.virtual_time import VirtualTimeLoop


class StoppableLoop(VirtualTimeLoop):
    def stop_process(self, seconds: float) -> None:
        """Time passes while nothing runs, as after SIGSTOP."""
        self._now += seconds


def expired_at(*, paused: float = 0.0, stopped: float = 0.0) -> float:
    """When a deadline of 10 s expires that was paused, or whose process was stopped, at its start."""

    async def call() -> None:
        async with Deadline(10.0) as limit:
            with limit.paused():
                await asyncio.sleep(paused)
            loop.stop_process(stopped)
            await asyncio.Event().wait()

    async def expire() -> float:
        with pytest.raises(TimeoutError):
            await call()
        return loop.time()

    loop = StoppableLoop()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(expire())


def test_it_expires():
    assert expired_at() == pytest.approx(10.0, abs=0.01)


def test_time_while_paused_does_not_count():
    assert expired_at(paused=30.0) == pytest.approx(40.0, abs=0.01)


def test_after_a_stop_of_the_process_it_expires_once_what_has_arrived_could_be_read():
    assert expired_at(stopped=60.0) == pytest.approx(60.0 + GRACE, abs=0.01)


def test_a_slow_machine_is_no_stop():
    assert expired_at(stopped=10.0 + LATE / 2) == pytest.approx(10.0 + LATE / 2, abs=0.01)


def test_once_it_is_left_it_does_not_expire():
    async def leave() -> None:
        async with Deadline(10.0):
            pass
        await asyncio.sleep(60.0)

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(leave())


async def test_on_a_real_loop_it_expires_as_well_and_not_while_paused():
    loop = asyncio.get_running_loop()
    began = loop.time()

    async def call() -> None:
        async with Deadline(0.01) as limit:
            with limit.paused():
                await asyncio.sleep(0.05)
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await call()
    assert loop.time() - began > 0.058
