"""The deadline of a call."""

import asyncio
import time

import pytest

from jobs.bedrock import deadline
from jobs.bedrock.deadline import Deadline


async def wait(*, paused: float = 0.0, stopped: float = 0.0) -> None:
    """Longer than 10 ms; first with the deadline paused, or with this process stopped as by SIGSTOP."""
    async with Deadline(0.01) as limit:
        with limit.paused():
            await asyncio.sleep(paused)
        time.sleep(stopped)  # noqa: ASYNC251 (nothing runs meanwhile)
        await asyncio.Event().wait()


async def test_it_expires() -> None:
    with pytest.raises(TimeoutError):
        await wait()


async def test_time_while_paused_does_not_count() -> None:
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        await wait(paused=0.05)
    assert time.monotonic() - began > 0.058


async def test_once_it_is_left_it_does_not_expire() -> None:
    async with Deadline(0.01):
        pass
    await asyncio.sleep(0.05)


async def test_after_a_stop_of_the_process_it_expires_a_moment_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline, "LATE", 0.05)
    monkeypatch.setattr(deadline, "GRACE", 0.1)
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        await wait(stopped=0.1)
    assert time.monotonic() - began > 0.19
