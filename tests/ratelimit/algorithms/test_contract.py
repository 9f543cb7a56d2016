"""What every limiter promises, whatever its algorithm."""

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratelimit.algorithms import Limiter
from ratelimit.algorithms.fixed_window import FixedWindow
from ratelimit.algorithms.sliding_log import SlidingLog
from ratelimit.algorithms.token_bucket import TokenBucket

LIMITERS: dict[str, Callable[[], Limiter]] = {
    "token-bucket": lambda: TokenBucket(10 / 60, 10),
    "fixed-window": lambda: FixedWindow(10, phase=7.0),
    "sliding-log": lambda: SlidingLog(10),
}
every_limiter = pytest.mark.parametrize("make", LIMITERS.values(), ids=LIMITERS.keys())
START = 1_234_567.891
"""A monotonic clock does not start at zero."""
HAIR = 1e-5

costs = st.floats(0.001, 10)
pauses = st.floats(0, 90)


@every_limiter
def test_a_cost_above_the_limit_never_fits_and_one_of_the_limit_does(make):
    limiter = make()
    assert limiter.limit == 10
    assert limiter.wait(START, 10.01) == math.inf
    assert limiter.wait(START, 10) == 0.0


@every_limiter
def test_asking_charges_nothing(make):
    limiter = make()
    for _ in range(100):
        assert limiter.wait(START, 10) == 0.0
    limiter.take(START, 10)
    assert 0 < limiter.wait(START) < math.inf


@every_limiter
@given(charges=st.lists(st.tuples(pauses, costs), min_size=1, max_size=30), cost=costs)
def test_the_wait_is_exact(make, charges, cost):
    """At now + wait it fits; a hair before, it does not."""
    limiter, now = make(), START
    for pause, charge in charges:
        now += pause
        limiter.take(now, charge)
    wait = limiter.wait(now, cost)
    if wait > HAIR:
        assert limiter.wait(now + wait - HAIR, cost) > 0
    assert limiter.wait(now + wait, cost) == pytest.approx(0, abs=1e-8)
    assert limiter.wait(now + wait + HAIR, cost) == 0.0


@every_limiter
def test_what_is_given_back_can_be_taken_again(make):
    limiter = make()
    limiter.take(START, 10)
    limiter.correct(START + 1, START, -4)
    assert limiter.wait(START + 1, 4) == 0.0
    assert limiter.wait(START + 1, 5) > 0


@every_limiter
def test_using_more_than_was_taken_leaves_a_debt_that_time_pays(make):
    limiter = make()
    limiter.take(START, 5)
    limiter.correct(START, START, 9)
    wait = limiter.wait(START)
    assert 0 < wait < math.inf
    limiter.correct(START, START, -9)
    assert limiter.wait(START, 5) == 0.0


@every_limiter
def test_giving_back_never_makes_room_for_more_than_the_limit(make):
    limiter = make()
    limiter.take(START, 1)
    limiter.correct(START + 1, START, -10)
    limiter.take(START + 1, 10)
    assert limiter.wait(START + 1) > 0


@every_limiter
def test_more_than_fits_may_be_taken(make):
    limiter = make()
    limiter.take(START, 25)
    assert 0 < limiter.wait(START) < math.inf


@every_limiter
def test_an_earlier_now_counts_as_the_latest_seen(make):
    limiter = make()
    limiter.take(START, 10)
    wait = limiter.wait(START, 10)
    assert limiter.wait(START - 1_000, 10) == wait
    limiter.take(START - 1_000, 5)
    twin = make()
    twin.take(START, 15)
    assert limiter.wait(START, 10) == twin.wait(START, 10)
    limiter.correct(START - 1_000, START, -5)
    assert limiter.wait(START, 10) == pytest.approx(wait)


def admitted(limiter: Limiter, calls: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The (time, cost) that got through, each call coming so many seconds after the one before."""
    now, through = START, []
    for pause, cost in calls:
        now += pause
        if limiter.wait(now, cost) == 0.0:
            limiter.take(now, cost)
            through.append((now, cost))
    return through


calls = st.lists(st.tuples(st.floats(0, 20), costs), max_size=60)


@given(calls=calls)
def test_a_bucket_never_admits_more_than_its_capacity_and_the_refill_of_the_time(calls):
    through = admitted(TokenBucket(10 / 60, 10), calls)
    for first, (start, _) in enumerate(through):
        total = 0.0
        for end, cost in through[first:]:
            total += cost
            assert total <= 10 + (end - start) * 10 / 60 + 1e-6


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
