"""The gate: FIFO, exact in time, and nothing leaks when a call is cancelled."""

import asyncio
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratelimit import virtual_time
from ratelimit.algorithms.budget import Budget
from ratelimit.algorithms.token_bucket import TokenBucket
from ratelimit.breaker import Breaker, BreakerRules, Judgement
from ratelimit.errors import ExhaustedError, GateClosedError, NeverFitsError, OutageError
from ratelimit.gate import Gate, Permit
from ratelimit.quota_book import Dimension, QuotaBook
from ratelimit.smooth_gate import SmoothGate


def bucket_gate(rate: float, capacity: float, *, max_in_flight: int = 1000, level: float | None = None) -> Gate:
    bucket = TokenBucket(rate, capacity, level=level)
    return Gate(QuotaBook({"tokens": Dimension(bucket, capacity)}), max_in_flight)


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


def test_max_in_flight_holds_and_a_change_takes_effect_for_waiting_calls():
    async def main() -> None:
        gate = bucket_gate(1e6, 1e6, max_in_flight=2)
        permits = [await gate.acquire({}), await gate.acquire({})]
        third = asyncio.ensure_future(gate.acquire({}))
        await asyncio.sleep(1)
        assert (gate.in_flight, gate.waiting, third.done()) == (2, 1, False)
        gate.max_in_flight = 3
        permits.append(await third)
        fourth = asyncio.ensure_future(gate.acquire({}))
        await asyncio.sleep(1)
        assert not fourth.done()
        permits.pop().refund(Judgement.NEUTRAL)
        permits.append(await fourth)
        for permit in permits:
            permit.refund(Judgement.NEUTRAL)
        assert gate.in_flight == 0

    virtual_time.run(main())


def test_retries_go_first_in_their_own_order():
    async def main() -> None:
        gate = bucket_gate(1, 1, level=0.0)
        order: list[str] = []

        async def wait(name: str, *, is_retry: bool = False) -> None:
            await gate.acquire({"tokens": 1}, is_retry=is_retry)
            order.append(name)

        tasks = [asyncio.create_task(wait("a")), asyncio.create_task(wait("b"))]
        await asyncio.sleep(0)
        tasks += [asyncio.create_task(wait(name, is_retry=True)) for name in ("1st", "2nd")]
        await asyncio.gather(*tasks)
        assert order == ["1st", "2nd", "a", "b"]

    virtual_time.run(main())


def test_a_new_rate_takes_effect_for_waiting_calls():
    async def main() -> None:
        bucket = TokenBucket(0.01, 1.0, level=0.0)
        gate = Gate(QuotaBook({"tokens": Dimension(bucket, 1.0)}), 10)
        waiter = asyncio.ensure_future(gate.acquire({"tokens": 1}))
        await asyncio.sleep(10)
        bucket.rate = 1.0
        gate.look()
        await waiter
        assert gate.now() == pytest.approx(11, abs=1.0)

    virtual_time.run(main())


class PausingLearner(TokenBucket):
    """A learner that passes nothing for ten seconds after a throttle."""

    until = 0.0

    def wait(self, now: float, cost: float = 1.0) -> float:
        return max(super().wait(now, cost), self.until - now)

    def throttled(self, now: float, taken_at: float, cost: float) -> None:
        self.correct(now, taken_at, -cost)
        self.until = now + 10.0


def test_a_throttle_changes_the_rate_for_waiting_calls():
    async def main() -> None:
        gate = Gate(QuotaBook({"tokens": Dimension(PausingLearner(1.0, 2.0), 2.0)}), 10)
        permits = [await gate.acquire({"tokens": 1}) for _ in range(2)]
        waiter = asyncio.ensure_future(grant_times(gate, [1]))
        await asyncio.sleep(0.5)
        assert permits[0].throttled("tokens")
        assert await waiter == pytest.approx([10.5], abs=0.01)

    virtual_time.run(main())


def test_a_pause_holds_all_calls_until_it_ends():
    async def main() -> None:
        gate = bucket_gate(1e6, 1e6)
        gate.pause(5.0)
        gate.pause(1.0)
        assert await grant_times(gate, [1, 1]) == pytest.approx([5.0, 5.0], abs=0.002)

    virtual_time.run(main())


def test_a_call_that_can_never_fit_fails_alone_and_at_once():
    async def main() -> None:
        gate = bucket_gate(1, 10)
        with pytest.raises(NeverFitsError):
            await gate.acquire({"tokens": 11})
        await gate.acquire({"tokens": 10})
        assert asyncio.get_running_loop().time() == 0.0

    virtual_time.run(main())


def test_a_budget_is_exhausted_only_when_nothing_is_in_flight():
    async def main() -> None:
        gate = Gate(QuotaBook({"usd": Dimension(Budget(1.0), 1.0)}), 10)
        first = await gate.acquire({"usd": 0.8})
        second = asyncio.ensure_future(gate.acquire({"usd": 0.6}))
        await asyncio.sleep(1)
        assert not second.done()
        first.settle({"usd": 0.3}, Judgement.SUCCESS)
        (await second).settle({"usd": 0.6}, Judgement.SUCCESS)
        with pytest.raises(ExhaustedError):
            await gate.acquire({"usd": 0.2})

    virtual_time.run(main())


def test_closing_fails_waiting_and_later_calls():
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
def test_the_rate_holds_and_nothing_leaks_when_calls_are_cancelled(calls):
    """Each call: cost, start, seconds until it ends or is cancelled, and which of the two."""
    rate, capacity = 5.0, 10.0
    grants: list[tuple[float, float]] = []

    async def main() -> None:
        gate = bucket_gate(rate, capacity, max_in_flight=4)
        loop = asyncio.get_running_loop()

        async def call(cost: float, start: float, length: float) -> None:
            await asyncio.sleep(start)
            permit = await gate.acquire({"tokens": cost})
            grants.append((loop.time(), cost))
            try:
                await asyncio.sleep(length)
            finally:
                permit.keep(Judgement.NEUTRAL)

        tasks = [asyncio.create_task(call(cost, start, length)) for cost, start, length, _ in calls]
        for task, (_, start, length, cancelled) in zip(tasks, calls, strict=True):
            if cancelled:
                loop.call_later(start + length / 2, task.cancel)
        await asyncio.gather(*tasks, return_exceptions=True)
        assert (gate.in_flight, gate.waiting) == (0, 0)
        # The grant of a cancelled call was refunded: the bucket is full again in time.
        await asyncio.sleep(capacity / rate)
        assert gate.book.lacking(loop.time(), (capacity - 1e-5,)) == ""

    virtual_time.run(main())
    for (i, (start, _)), (j, (end, _)) in itertools.combinations_with_replacement(enumerate(grants), 2):
        granted = sum(cost for _, cost in grants[i : j + 1])
        assert granted <= capacity + rate * (end - start) + 1e-6


def test_a_smooth_gate_spaces_calls_evenly():
    async def main() -> None:
        gate = SmoothGate(QuotaBook({}), 1000, per_minute=120)
        times = await grant_times(gate, [1] * 10)
        gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
        assert gaps == pytest.approx([0.5] * 9, abs=0.01)

    virtual_time.run(main())


def test_an_outage_sends_calls_of_a_smooth_gate_back_to_the_queue():
    async def main() -> None:
        gate = SmoothGate(QuotaBook({}), 1000, per_minute=60)
        waiters = [asyncio.ensure_future(gate.acquire({})) for _ in range(10)]
        await asyncio.sleep(0.5)
        (await waiters[0]).refund(Judgement.NEUTRAL)
        open_breaker(gate)
        await asyncio.sleep(59)
        assert sum(waiter.done() for waiter in waiters) == 1
        await asyncio.sleep(10)
        assert sum(waiter.done() for waiter in waiters) == 1 + gate.breaker.rules.probes

    virtual_time.run(main())


def test_probes_of_a_smooth_gate_do_not_wait_for_their_turn():
    async def main() -> None:
        gate = SmoothGate(QuotaBook({}), 1000, per_minute=1)
        states: list[str] = []
        gate.on_transition = lambda transition: states.append(transition.new)
        open_breaker(gate)
        starts = []

        async def call() -> None:
            permit = await gate.acquire({})
            starts.append(gate.now())
            await asyncio.sleep(50)
            permit.settle({}, Judgement.SUCCESS)

        await asyncio.gather(*(call() for _ in range(5)))
        assert states == ["open", "half-open", "closed"]
        assert starts[:3] == [pytest.approx(60, abs=0.01)] * 3
        assert starts[4] - starts[3] == pytest.approx(60, abs=0.01)

    virtual_time.run(main())


def test_a_smooth_gate_with_a_spent_budget_fails_all_calls_at_once():
    async def main() -> None:
        gate = SmoothGate(QuotaBook({"usd": Dimension(Budget(1.0), 1.0)}), 10, per_minute=1)
        gate.book.try_reserve(gate.now(), (1.0,))
        ended = await asyncio.gather(*(gate.acquire({"usd": 1.0}) for _ in range(3)), return_exceptions=True)
        assert [type(error) for error in ended] == [ExhaustedError] * 3
        assert gate.now() == 0.0

    virtual_time.run(main())


# The breaker.


def open_breaker(gate: Gate) -> None:
    """Record failures directly, not through the gate."""
    while gate.breaker.closed:
        gate.breaker.leave(gate.now(), gate.breaker.enter(gate.now()), Judgement.FAILURE)


def out_of_service(*, probes: int = 3, turn_away: bool = False) -> Gate:
    gate = Gate(QuotaBook({}), 1000, Breaker(BreakerRules(probes=probes)), turn_away=turn_away)
    open_breaker(gate)
    return gate


def done(waiters: "list[asyncio.Future[Permit]]") -> "list[asyncio.Future[Permit]]":
    return [waiter for waiter in waiters if waiter.done()]


@pytest.mark.parametrize("probes", [1, 3, 10])
def test_an_open_breaker_parks_all_calls_and_a_half_open_one_passes_its_probes(probes):
    async def main() -> None:
        gate = out_of_service(probes=probes)
        waiters = [asyncio.ensure_future(gate.acquire({})) for _ in range(50)]
        await asyncio.sleep(59.9)
        assert not done(waiters)
        await asyncio.sleep(0.2)
        permits = [waiter.result() for waiter in done(waiters)]
        assert [permit.probe for permit in permits] == [True] * probes
        await asyncio.sleep(10)
        for permit in permits:
            permit.settle({}, Judgement.SUCCESS)
        await asyncio.sleep(0)
        assert len(done(waiters)) == 50
        assert not any(waiter.result().probe for waiter in waiters[probes:])

    virtual_time.run(main())


def test_a_cancelled_probe_frees_its_slot_for_the_next_call():
    async def main() -> None:
        gate = out_of_service(probes=1)
        first, second = (asyncio.ensure_future(gate.acquire({})) for _ in range(2))
        await asyncio.sleep(61)
        assert not second.done()
        (await first).refund(Judgement.NEUTRAL)
        assert (await second).probe

    virtual_time.run(main())


def test_a_probe_cancelled_as_it_gets_its_permit_frees_its_slot():
    async def main() -> None:
        gate = out_of_service(probes=1)
        first, second = (asyncio.create_task(gate.acquire({})) for _ in range(2))
        await asyncio.sleep(1)
        asyncio.get_running_loop().call_at(60.0, first.cancel)
        asyncio.get_running_loop().call_at(60.0, gate.look)
        assert (await second).probe
        assert first.cancelled()
        assert gate.in_flight == 1

    virtual_time.run(main())


def test_probes_that_do_not_return_open_the_breaker_again_by_timer():
    async def main() -> None:
        gate = out_of_service()
        reasons: list[str] = []
        gate.on_transition = lambda transition: reasons.append(transition.reason)
        waiters = [asyncio.ensure_future(gate.acquire({})) for _ in range(10)]
        await asyncio.sleep(60 + 60 + 119)
        assert len(done(waiters)) == 3
        await asyncio.sleep(2)
        assert len(done(waiters)) == 6
        assert reasons[1] == "3 of 3 probes failed"

    virtual_time.run(main())


def test_after_an_outage_the_bucket_starts_empty():
    async def main() -> None:
        gate = Gate(QuotaBook({"tokens": Dimension(TokenBucket(1.0, 60.0), 60.0)}), 10, Breaker(BreakerRules(probes=1)))
        open_breaker(gate)
        (await gate.acquire({"tokens": 1})).settle({"tokens": 1}, Judgement.SUCCESS)
        closed = gate.now()
        assert await grant_times(gate, [1, 1]) == pytest.approx([closed + 1, closed + 2], abs=0.01)

    virtual_time.run(main())


def test_a_gate_that_turns_away_fails_calls_only_while_the_breaker_is_open():
    async def main() -> None:
        gate = Gate(QuotaBook({}), 1, Breaker(BreakerRules(probes=1)), turn_away=True)
        await gate.acquire({})
        waiter = asyncio.ensure_future(gate.acquire({}))
        await asyncio.sleep(0)
        open_breaker(gate)
        with pytest.raises(OutageError):
            await waiter
        with pytest.raises(OutageError):
            await gate.acquire({})
        gate.max_in_flight = 10
        await asyncio.sleep(60)
        probe, patient = await gate.acquire({}), asyncio.ensure_future(gate.acquire({}))
        await asyncio.sleep(1)
        assert (probe.probe, patient.done()) == (True, False)
        probe.refund(Judgement.FAILURE)
        with pytest.raises(OutageError):
            await patient

    virtual_time.run(main())


def test_a_transition_listener_may_close_the_gate():
    async def main() -> None:
        gate = bucket_gate(1, 10)
        gate.on_transition = lambda transition: gate.close()
        permits = [await gate.acquire({"tokens": 2}) for _ in range(5)]
        waiter = asyncio.ensure_future(gate.acquire({"tokens": 10}))
        await asyncio.sleep(0)
        for permit in permits:
            permit.refund(Judgement.FAILURE)
        with pytest.raises(GateClosedError):
            await waiter
        assert gate.in_flight == 0

    virtual_time.run(main())


def test_a_permit_is_returned_exactly_once():
    async def main() -> None:
        gate = bucket_gate(1, 10)
        permit = await gate.acquire({"tokens": 1})
        permit.keep(Judgement.SUCCESS)
        repeated = (
            lambda: permit.keep(Judgement.SUCCESS),
            lambda: permit.refund(Judgement.SUCCESS),
            lambda: permit.settle({}, Judgement.SUCCESS),
            permit.throttled,
        )
        for give_back in repeated:
            with pytest.raises(RuntimeError, match="exactly once"):
                give_back()
        assert gate.in_flight == 0

    virtual_time.run(main())


def give_back(permit: Permit, cost: float, end: str, judgement: Judgement) -> None:
    if end == "settle":
        permit.settle({"tokens": cost / 2}, judgement)
    elif end == "spend":
        permit.settle({"tokens": cost}, judgement)
    elif end == "refund":
        permit.refund(judgement)
    elif end == "throttle":
        permit.throttled("tokens")
    else:
        permit.keep(judgement)


ENDS = ("settle", "spend", "keep", "refund", "throttle", "cancel")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.floats(0.1, 5), st.floats(0, 200), st.floats(0, 80), st.sampled_from(ENDS), st.sampled_from(Judgement)
        ),
        max_size=40,
    ),
    st.booleans(),
)
def test_in_an_outage_no_call_is_lost_and_every_permit_is_returned(calls, turn_away):
    """Each call: cost, start, duration, how it ends, and its judgement of the service."""
    ended: list[str] = []

    async def main() -> None:
        book = QuotaBook({"tokens": Dimension(PausingLearner(5.0, 10.0), 10.0)})
        gate = Gate(book, 4, Breaker(BreakerRules(consecutive_failures=1)), turn_away=turn_away)

        async def call(cost: float, start: float, length: float, end: str, judgement: Judgement) -> None:
            await asyncio.sleep(start)
            try:
                permit = await gate.acquire({"tokens": cost})
            except OutageError:
                ended.append("turned away")
                return
            except asyncio.CancelledError:
                ended.append("cancelled")
                raise
            try:
                await asyncio.sleep(length)
            finally:
                give_back(permit, cost, end, judgement)
                ended.append(end)

        tasks = [asyncio.create_task(call(*each)) for each in calls]
        for task, (_, start, length, end, _) in zip(tasks, calls, strict=True):
            if end == "cancel":
                asyncio.get_running_loop().call_later(start + length / 2, lambda t=task: t.cancel())
        await asyncio.gather(*tasks, return_exceptions=True)
        assert (gate.waiting, gate.in_flight) == (0, 0)

    virtual_time.run(main())
    assert len(ended) <= len(calls)
    assert turn_away or "turned away" not in ended


def test_on_uvloop_a_timer_that_is_due_at_once_can_be_overtaken(monkeypatch):
    """On uvloop such a timer has no `when()`; on a busy machine timers are late before they are set."""
    uvloop = pytest.importorskip("uvloop")

    async def main() -> None:
        loop, gate = asyncio.get_running_loop(), bucket_gate(100, 1, level=0.0)
        monkeypatch.setattr(gate, "now", lambda: loop.time() - 1)
        waiting = asyncio.ensure_future(gate.acquire({"tokens": 1}))
        await asyncio.sleep(0)
        gate.look()
        monkeypatch.undo()
        async with asyncio.timeout(5):
            await waiting

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


class Broken(TokenBucket):
    """Raises at the second call of `wait`."""

    def wait(self, now: float, cost: float = 1.0) -> float:
        if now > 0.0:
            raise ZeroDivisionError
        return super().wait(now, cost)


def test_an_error_in_a_timer_without_a_waiter_goes_to_the_loop(caplog):
    async def main() -> None:
        gate = Gate(QuotaBook({"tokens": Dimension(TokenBucket(1.0, 10.0, level=0.0), 10.0)}), 1)
        waiter = asyncio.ensure_future(gate.acquire({"tokens": 1}))
        await asyncio.sleep(0)

        def broken() -> None:
            gate.close()
            raise ZeroDivisionError

        gate.look = broken  # type: ignore[method-assign]
        with pytest.raises(GateClosedError):
            await waiter

    virtual_time.run(main())
    assert "ZeroDivisionError" in caplog.text


def test_an_error_in_a_timer_reaches_the_waiting_call():
    async def main() -> None:
        gate = Gate(QuotaBook({"tokens": Dimension(Broken(1.0, 10.0, level=0.0), 10.0)}), 1)
        with pytest.raises(ZeroDivisionError):
            await gate.acquire({"tokens": 1})
        assert gate.waiting == 0

    virtual_time.run(main())
