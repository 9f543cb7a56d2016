"""The event loop whose clock jumps to the next timer."""

import asyncio
import os
import signal
import time

import pytest

from ratelimit import virtual_time
from ratelimit.errors import DeadlockError


def test_hours_pass_at_once():
    async def main() -> list[tuple[float, str]]:
        seen: list[tuple[float, str]] = []

        async def sleeper(name: str, seconds: float) -> None:
            await asyncio.sleep(seconds)
            seen.append((asyncio.get_running_loop().time(), name))

        await asyncio.gather(sleeper("hour", 3600), sleeper("day", 86_400), sleeper("second", 1))
        return seen

    began = time.monotonic()
    seen = virtual_time.run(main())
    assert [name for _, name in seen] == ["second", "hour", "day"]
    assert [at for at, _ in seen] == pytest.approx([1, 3600, 86_400], abs=1e-6)
    assert time.monotonic() - began < 5


def test_timers_due_at_the_same_time_run_in_the_order_they_were_set():
    async def main() -> list[int]:
        loop, seen = asyncio.get_running_loop(), list[int]()
        for number in range(100):
            loop.call_at(5.0, seen.append, number)
        await asyncio.sleep(5.0)
        return seen

    assert virtual_time.run(main()) == list(range(100))


def test_a_cancelled_timer_does_not_move_the_clock():
    async def main() -> float:
        loop = asyncio.get_running_loop()
        loop.call_later(900, print).cancel()
        waiter = loop.create_task(asyncio.sleep(500))
        await asyncio.sleep(0)
        waiter.cancel()
        await asyncio.wait([waiter])
        return loop.time()

    assert virtual_time.run(main()) == 0.0


def test_an_exception_in_a_callback_is_reported_and_the_loop_goes_on():
    async def main() -> tuple[list[str], float]:
        loop, reported = asyncio.get_running_loop(), list[str]()
        loop.set_exception_handler(lambda _, context: reported.append(str(context["exception"])))
        loop.call_later(1.0, [].pop)
        await asyncio.sleep(2.0)
        return reported, loop.time()

    assert virtual_time.run(main()) == (["pop from empty list"], 2.0)


def test_an_interrupt_ends_the_run():
    async def main() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(1)

    with pytest.raises(KeyboardInterrupt):
        virtual_time.run(main())


def test_a_deadlock_fails_at_once_and_names_the_waiting_tasks():
    async def waits_for_ever() -> None:
        await asyncio.get_running_loop().create_future()

    async def main() -> None:
        await asyncio.create_task(waits_for_ever(), name="the stuck one")

    with pytest.raises(DeadlockError, match="the stuck one waits in .*waits_for_ever"):
        virtual_time.run(main())


def test_executors_and_sockets_raise():
    async def thread() -> None:
        await asyncio.to_thread(time.time)

    async def socket() -> None:
        await asyncio.open_connection("127.0.0.1", 9)

    for attempt in (thread, socket):
        with pytest.raises(RuntimeError, match="in virtual time"):
            virtual_time.run(attempt())


def test_timeouts_work():
    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(900):
                await asyncio.sleep(1000)
        return asyncio.get_running_loop().time()

    assert virtual_time.run(main()) == pytest.approx(900, abs=1e-6)


def test_a_wake_up_time_that_rounds_to_now_does_not_stop_the_clock():
    """1000 + 1e-14 is 1000: such a timer would ring for ever at one instant."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(1000)
        until = loop.time() + 1e-7
        while loop.time() < until:
            woken = loop.create_future()
            loop.call_at(loop.time() + 1e-14, woken.set_result, None)
            await woken

    virtual_time.run(main())
