"""The x1.1/x0.5 rule."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratelimit.algorithms.adaptive import Adaptive
from ratelimit.algorithms.token_bucket import TokenBucket


def test_a_hundred_successes_raise_the_rate_and_a_throttle_halves_it():
    limiter = Adaptive(10, 5, min_rate=1, max_rate=100)
    ledger = [("succeeded", 99, 10), ("succeeded", 1, 11), ("succeeded", 99, 11), ("throttled", 1, 5.5)]
    ledger += [("succeeded", 99, 5.5), ("succeeded", 1, 6.05), ("throttled", 9, 1)]
    for event, times, rate in ledger:
        for _ in range(times):
            if event == "succeeded":
                limiter.succeeded(0)
            else:
                limiter.throttled(0, 0, 0)
        assert limiter.rate == pytest.approx(rate)


def test_a_throttled_call_gets_no_refund_and_an_unsent_one_does():
    limiter = Adaptive(2, 5, min_rate=0.1, max_rate=100)
    limiter.take(0, 5)
    limiter.throttled(0, 0, 3)
    assert limiter.wait(0, 3) == 3
    limiter.correct(0, 0, -3)
    assert limiter.wait(0, 3) == 0


def test_a_new_rate_applies_from_now_on():
    limiter = Adaptive(1, 10, min_rate=0.1, max_rate=100)
    limiter.take(0, 10)
    limiter.throttled(4, 0, 0)  # four tokens refilled at 1 a second
    assert limiter.wait(4, 4) == 0
    assert limiter.wait(4, 5) == 2


@given(events=st.lists(st.tuples(st.booleans(), st.integers(1, 120)), max_size=40))
def test_the_rate_stays_within_its_bounds(events):
    limiter = Adaptive(10, 5, min_rate=2, max_rate=30)
    for succeeded, times in events:
        for _ in range(times):
            if succeeded:
                limiter.succeeded(0)
            else:
                limiter.throttled(0, 0, 0)
        assert 2 <= limiter.rate <= 30


def test_without_burst_it_uses_two_thirds_of_the_quota():
    """Steps of a fixed number of calls, evenly spaced in the rate's logarithm, from Q / 2 to Q: Q x ln 2."""
    server, limiter = TokenBucket(10, 1), Adaptive(10, 1, min_rate=0.1, max_rate=1_000)
    now, served = 0.0, 0
    while now < 3_600:
        now += limiter.wait(now) + 1e-9
        limiter.take(now)
        if server.wait(now) == 0.0:
            server.take(now)
            limiter.succeeded(now)
            served += 1
        else:
            limiter.throttled(now, now, 1)
    assert served / 36_000 == pytest.approx(math.log(2), abs=0.01)
