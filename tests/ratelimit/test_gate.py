"""The gate: FIFO, exact in time, nothing leaked by whoever goes away."""

import asyncio
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratelimit import virtual_time
from ratelimit.algorithms.allowance import Allowance
from ratelimit.algorithms.token_bucket import TokenBucket
from ratelimit.gate import ExhaustedError, Gate, GateClosedError
from ratelimit.quota import Dimension, NeverFitsError, QuotaBook
from ratelimit.smooth_gate import SmoothGate


def bucket_gate(rate: float, capacity: float, *, places: int = 1000, level: float | None = None) -> Gate:
    bucket = TokenBucket(rate, capacity, level=level)
    return Gate(QuotaBook({"tokens": Dimension(bucket, capacity)}), places)


async def grant_times(gate: Gate, costs: list[float]) -> list[float]:
    loop = asyncio.get_running_loop()

    async def one(cost: float) -> float:
        await gate.acquire({"tokens": cost})
        return loop.time()

    return list(await asyncio.gather(*(one(cost) for cost in costs)))


def test_a_large_cost_at_the_head_is_never_overtaken():
    """Capacity 10, empty, 10 a second: costs 8, 1, 1 are granted at 0.8, 0.9 and 1.0 s, in that order."""
    times = virtual_time.run(grant_times(bucket_gate(10, 10, level=0.0), [8, 1, 1]))
    assert times == pytest.approx([0.8, 0.9, 1.0], abs=0.002)


def test_places_bound_what_is_in_flight_and_a_change_takes_effect_on_those_who_wait():
    async def main() -> None:
        gate = bucket_gate(1e6, 1e6, places=2)
        permits = [await gate.acquire({}), await gate.acquire({})]
        third = asyncio.ensure_future(gate.acquire({}))
        await asyncio.sleep(1)
        assert (gate.in_flight, gate.waiting, third.done()) == (2, 1, False)
        gate.places = 3
        permits.append(await third)
        fourth = asyncio.ensure_future(gate.acquire({}))
        await asyncio.sleep(1)
        assert not fourth.done()
        permits.pop().refund()
        permits.append(await fourth)
        for permit in permits:
            permit.refund()
        assert gate.in_flight == 0

    virtual_time.run(main())


def test_a_refused_call_goes_to_the_head():
    async def main() -> None:
        gate = bucket_gate(1, 1, level=0.0)
        order: list[str] = []

        async def wait(name: str, *, first: bool = False) -> None:
            await gate.acquire({"tokens": 1}, first=first)
            order.append(name)

        tasks = [asyncio.create_task(wait("a")), asyncio.create_task(wait("b"))]
        await asyncio.sleep(0)
        tasks.append(asyncio.create_task(wait("again", first=True)))
        await asyncio.gather(*tasks)
        assert order == ["again", "a", "b"]

    virtual_time.run(main())


def test_a_pause_holds_everybody_and_then_lets_go():
    async def main() -> None:
        gate = bucket_gate(1e6, 1e6)
        gate.pause(5.0)
        gate.pause(1.0)
        assert await grant_times(gate, [1, 1]) == pytest.approx([5.0, 5.0], abs=0.002)

    virtual_time.run(main())


def test_what_can_never_fit_fails_alone_and_at_once():
    async def main() -> None:
        gate = bucket_gate(1, 10)
        with pytest.raises(NeverFitsError):
            await gate.acquire({"tokens": 11})
        await gate.acquire({"tokens": 10})
        assert asyncio.get_running_loop().time() == 0.0

    virtual_time.run(main())


def test_an_allowance_waits_for_what_is_in_flight_and_is_exhausted_only_when_nothing_is():
    async def main() -> None:
        gate = Gate(QuotaBook({"usd": Dimension(Allowance(1.0), 1.0)}), 10)
        first = await gate.acquire({"usd": 0.8})
        second = asyncio.ensure_future(gate.acquire({"usd": 0.6}))
        await asyncio.sleep(1)
        assert not second.done()
        first.settle({"usd": 0.3})
        (await second).settle({"usd": 0.6})
        with pytest.raises(ExhaustedError):
            await gate.acquire({"usd": 0.2})

    virtual_time.run(main())


def test_closing_wakes_whoever_waits_and_turns_away_whoever_comes():
    async def main() -> None:
        gate = bucket_gate(1, 1, level=0.0)
        waiters = [asyncio.ensure_future(gate.acquire({"tokens": 1})) for _ in range(3)]
        await asyncio.sleep(0)
        gate.close()
        assert all(isinstance(e, GateClosedError) for e in await asyncio.gather(*waiters, return_exceptions=True))
        with pytest.raises(GateClosedError):
            await gate.acquire({"tokens": 1})

    virtual_time.run(main())


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.1, 10), st.floats(0, 3), st.floats(0, 3), st.booleans()), min_size=1, max_size=30)
)
def test_nothing_leaks_and_the_rate_holds_whoever_is_cancelled(calls):
    """Each call: its cost, when it comes, how long until it is cancelled or has run, and which of the two."""
    rate, capacity = 5.0, 10.0
    grants: list[tuple[float, float]] = []

    async def main() -> None:
        gate = bucket_gate(rate, capacity, places=4)
        loop = asyncio.get_running_loop()

        async def call(cost: float, start: float, length: float) -> None:
            await asyncio.sleep(start)
            permit = await gate.acquire({"tokens": cost})
            grants.append((loop.time(), cost))
            try:
                await asyncio.sleep(length)
            finally:
                permit.keep()

        tasks = [asyncio.create_task(call(cost, start, length)) for cost, start, length, _ in calls]
        for task, (_, start, length, cancelled) in zip(tasks, calls, strict=True):
            if cancelled:
                loop.call_later(start + length / 2, task.cancel)
        await asyncio.gather(*tasks, return_exceptions=True)
        assert (gate.in_flight, gate.waiting) == (0, 0)
        # A cancelled waiter's grant came back: a full bucket is there again in time.
        await asyncio.sleep(capacity / rate)
        assert gate.book.wait(loop.time(), {"tokens": capacity}) == pytest.approx(0.0, abs=1e-6)

    virtual_time.run(main())
    for (i, (start, _)), (j, (end, _)) in itertools.combinations_with_replacement(enumerate(grants), 2):
        granted = sum(cost for _, cost in grants[i : j + 1])
        assert granted <= capacity + rate * (end - start) + 1e-6


def test_a_smooth_gate_starts_calls_evenly_spread():
    async def main() -> None:
        gate = SmoothGate(QuotaBook({}), 1000, per_minute=120)
        times = await grant_times(gate, [1] * 10)
        gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
        assert gaps == pytest.approx([0.5] * 9, abs=0.01)

    virtual_time.run(main())
