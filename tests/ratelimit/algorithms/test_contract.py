"""The contract of every limiter."""

import math
from collections.abc import Callable
from itertools import pairwise

import pytest
from asking import decisions, steps
from hypothesis import given, settings
from hypothesis import strategies as st

from ratelimit.algorithms.adaptive import Adaptive
from ratelimit.algorithms.botocore_adaptive import BotocoreAdaptive
from ratelimit.algorithms.fixed_window import FixedWindow
from ratelimit.algorithms.leaky_bucket import LeakyBucket
from ratelimit.algorithms.protocol import Limiter
from ratelimit.algorithms.sliding_counter import SlidingCounter
from ratelimit.algorithms.sliding_log import SlidingLog
from ratelimit.algorithms.token_bucket import TokenBucket

START = 1_234_567.891
"""A monotonic clock does not start at zero."""
HAIR = 1e-5


def throttled_botocore() -> BotocoreAdaptive:
    """A limiter that limits: after ten answers a second, a throttle, and time to fill its bucket."""
    limiter = BotocoreAdaptive(START - 100)
    for tenth in range(100):
        limiter.succeeded(START - 100 + tenth / 10)
    limiter.throttled(START - 90, START - 90, 1.0)
    return limiter


LIMITERS: dict[str, Callable[[], Limiter]] = {
    "token-bucket": lambda: TokenBucket(10 / 60, 10),
    "leaky-bucket": lambda: LeakyBucket(10 / 60, 10),
    "fixed-window": lambda: FixedWindow(10, phase=7.0),
    "sliding-log": lambda: SlidingLog(10),
    "sliding-counter": lambda: SlidingCounter(10, phase=7.0),
    "adaptive": lambda: Adaptive(10 / 60, 10, min_rate=0.01, max_rate=100),
    "botocore-adaptive": throttled_botocore,
}
every_limiter = pytest.mark.parametrize("make", LIMITERS.values(), ids=LIMITERS.keys())
shares = st.floats(0.0001, 1)
"""Costs, as a share of the limit."""
pauses = st.floats(0, 90)


@every_limiter
def test_a_cost_up_to_the_limit_fits_and_a_larger_one_never_does(make):
    limiter = make()
    assert 5 < limiter.limit <= 10
    assert limiter.wait(START, limiter.limit * 1.001) == math.inf
    assert limiter.wait(START, limiter.limit) == 0.0


@every_limiter
def test_wait_charges_nothing(make):
    limiter = make()
    for _ in range(100):
        assert limiter.wait(START, limiter.limit) == 0.0
    limiter.take(START, limiter.limit)
    assert 0 < limiter.wait(START) < math.inf


@every_limiter
@settings(deadline=None)
@given(happening=steps)
def test_wait_changes_no_later_decision(make, happening):
    expected = decisions(make(), happening, START, 1.0, ask=False)
    assert decisions(make(), happening, START, 1.0, ask=True) == pytest.approx(expected, abs=1e-6)


@every_limiter
@given(charges=st.lists(st.tuples(pauses, shares), min_size=1, max_size=30), share=shares)
def test_the_wait_is_exact(make, charges, share):
    """At now + wait the cost fits; just before, it does not."""
    limiter, now = make(), START
    cost = share * limiter.limit
    for pause, charge in charges:
        now += pause
        limiter.take(now, charge * limiter.limit)
    wait = limiter.wait(now, cost)
    if wait > HAIR:
        assert limiter.wait(now + wait - HAIR, cost) > 0
    assert limiter.wait(now + wait, cost) == pytest.approx(0, abs=1e-8)
    assert limiter.wait(now + wait + HAIR, cost) == 0.0


@every_limiter
@given(charges=st.lists(st.tuples(pauses, shares), max_size=20), taken=shares, used=st.floats(0, 3), later=pauses)
def test_a_charge_corrected_at_once_counts_as_the_corrected_amount(make, charges, taken, used, later):
    limiter, twin, now = make(), make(), START
    for pause, charge in charges:
        now += pause
        for each in (limiter, twin):
            if each.wait(now, charge * each.limit) == 0.0:
                each.take(now, charge * each.limit)
    limiter.take(now, taken * limiter.limit)
    limiter.correct(now, now, (used - taken) * limiter.limit)
    twin.take(now, used * twin.limit)
    for time in (now, now + later, now + 200):
        assert limiter.wait(time, 5) == pytest.approx(twin.wait(time, 5), abs=1e-6)


@every_limiter
def test_a_refund_shortens_the_wait(make):
    limiter = make()
    limiter.take(START, limiter.limit)
    wait = limiter.wait(START + 0.1, 5)
    limiter.correct(START + 0.1, START, -limiter.limit)
    assert limiter.wait(START + 0.1, 5) < wait


@every_limiter
def test_refunds_never_make_room_for_more_than_the_limit(make):
    limiter = make()
    limiter.take(START, 1)
    limiter.correct(START + 1, START, -10)
    limiter.take(START + 1, limiter.limit)
    assert limiter.wait(START + 1) > 0


@every_limiter
def test_a_charge_that_does_not_fit_leaves_a_debt_that_time_pays(make):
    limiter = make()
    limiter.take(START, 25)
    assert 0 < limiter.wait(START) < math.inf
    assert limiter.wait(START + 200) == 0.0


@every_limiter
def test_an_earlier_now_counts_as_the_latest_one(make):
    limiter, twin = make(), make()
    limit = limiter.limit
    limiter.take(START, limit)
    wait = limiter.wait(START, limit)
    assert limiter.wait(START - 1_000, limit) == wait
    limiter.take(START - 1_000, 5)
    twin.take(START, limit + 5)
    assert limiter.wait(START, limit) == twin.wait(START, limit)
    limiter.correct(START - 1_000, START, -5)
    assert limiter.wait(START, limit) == pytest.approx(wait)


def admitted(limiter: Limiter, calls: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The (time, cost) of admitted calls; `calls` are (seconds since the call before, cost)."""
    now, through = START, []
    for pause, cost in calls:
        now += pause
        if limiter.wait(now, cost) == 0.0:
            limiter.take(now, cost)
            through.append((now, cost))
    return through


calls = st.lists(st.tuples(st.floats(0, 20), st.floats(0.001, 10)), max_size=60)


@pytest.mark.parametrize("name", ["token-bucket", "leaky-bucket", "adaptive", "botocore-adaptive"])
@given(calls=calls)
def test_a_bucket_never_admits_more_than_capacity_plus_refill(name, calls):
    limiter = LIMITERS[name]()
    through = admitted(limiter, calls)
    for first, (start, _) in enumerate(through):
        total = 0.0
        for end, cost in through[first:]:
            total += cost
            assert total <= limiter.limit + (end - start) * limiter.rate + 1e-6


@given(calls=calls)
def test_a_leaky_bucket_starts_a_call_when_it_is_empty(calls):
    through = admitted(LeakyBucket(10 / 60, 10), calls)
    for (start, cost), (following, _) in pairwise(through):
        assert following - start >= cost * 6 - 1e-6


@given(calls=calls)
def test_a_sliding_counter_never_admits_above_its_estimate(calls):
    through = admitted(SlidingCounter(10, phase=7.0), calls)
    for last, (now, _) in enumerate(through):
        index, into = divmod(now - 7.0, 60)
        current, previous = (
            sum(cost for time, cost in through[: last + 1] if (time - 7.0) // 60 == window)
            for window in (index, index - 1)
        )
        assert current + previous * (1 - into / 60) <= 10 + 1e-6


@given(calls=calls)
def test_no_interval_of_a_sliding_counter_admits_twice_the_limit(calls):
    through = admitted(SlidingCounter(10, phase=7.0), calls)
    for first, (start, _) in enumerate(through):
        assert sum(cost for time, cost in through[first:] if time < start + 60) <= 20 + 1e-6


@given(calls=calls)
def test_no_fixed_window_admits_more_than_the_limit(calls):
    windows: dict[int, float] = {}
    for time, cost in admitted(FixedWindow(10, phase=7.0), calls):
        index = math.floor((time - 7.0) / 60)
        windows[index] = windows.get(index, 0.0) + cost
    assert all(total <= 10 + 1e-6 for total in windows.values())


@given(calls=calls)
def test_no_interval_of_a_sliding_log_admits_more_than_the_limit(calls):
    through = admitted(SlidingLog(10), calls)
    for first, (start, _) in enumerate(through):
        assert sum(cost for time, cost in through[first:] if time < start + 60) <= 10 + 1e-6
