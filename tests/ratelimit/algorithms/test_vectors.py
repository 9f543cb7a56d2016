"""Published examples as lists of time, cost and outcome."""

import math

import pytest

from ratelimit.algorithms.budget import Budget
from ratelimit.algorithms.fixed_window import FixedWindow
from ratelimit.algorithms.leaky_bucket import LeakyBucket
from ratelimit.algorithms.protocol import Limiter
from ratelimit.algorithms.sliding_counter import SlidingCounter
from ratelimit.algorithms.sliding_log import SlidingLog
from ratelimit.algorithms.token_bucket import TokenBucket


def passes(limiter: Limiter, now: float, cost: float = 1.0) -> bool:
    if limiter.wait(now, cost) > 0:
        return False
    limiter.take(now, cost)
    return True


def test_redis_cell_burst_5_one_a_second():
    bucket = TokenBucket(1, 5)
    assert bucket.wait(0, 6) == math.inf
    for remaining in (4, 3, 2, 1, 0):
        assert passes(bucket, 0)
        assert bucket.level == remaining
    assert bucket.wait(0) == 1.0
    for now, cost, remaining in ((3.0, 1, 2), (3.1, 1, 1), (8.0, 1, 4), (9.5, 1, 4), (9.5, 2, 2)):
        assert passes(bucket, now, cost)
        assert math.floor(bucket.level) == remaining
    assert bucket.wait(9.5, 5) == pytest.approx(3.0)


def test_fractions_of_a_token_are_kept():
    """0.5 a second, capacity 30, one call a second for 300 s: exactly 179 (flooring at each step admits 165)."""
    bucket = TokenBucket(0.5, 30)
    assert sum(passes(bucket, now) for now in range(300)) == 179


def test_five_tokens_one_a_second():
    bucket = TokenBucket(1, 5)
    assert [passes(bucket, 0) for _ in range(3)] == [True] * 3
    assert [passes(bucket, 6) for _ in range(7)] == [True] * 5 + [False] * 2
    assert [passes(bucket, 7) for _ in range(2)] == [True, False]


def test_a_large_head_of_the_queue_is_served_first():
    bucket, now, granted = TokenBucket(10, 10, level=0.0), 0.0, []
    for cost in (8, 1, 1):
        now += bucket.wait(now, cost)
        assert passes(bucket, now, cost)
        granted.append(now)
    assert granted == pytest.approx([0.8, 0.9, 1.0])


def test_a_bucket_that_starts_empty_waits_for_its_first_token():
    assert TokenBucket(10, 10, level=0.0).wait(100, 8) == 0.8


def test_a_bucket_without_a_rate_waits_for_ever_and_takes_a_new_rate():
    bucket = TokenBucket(0, 5, level=0.0)
    assert bucket.wait(0) == math.inf
    bucket.rate = 2.0
    assert bucket.wait(0) == 0.5


def test_a_fixed_window_does_not_count_throttled_calls():
    window = FixedWindow(10)
    assert [passes(window, 0, cost) for cost in (5, 6, 5)] == [True, False, True]


def test_a_fixed_window_admits_twice_its_limit_around_a_boundary():
    window = FixedWindow(3)
    assert [passes(window, now) for now in (59, 59, 59, 59, 60, 60, 60, 60)] == [True] * 3 + [False] + [True] * 3 + [
        False
    ]
    assert window.wait(60) == 60


def test_correcting_a_past_window_changes_nothing():
    window = FixedWindow(10)
    window.take(59, 10)
    window.take(61, 10)
    window.correct(62, 59, -10)
    assert window.wait(62) == 58


def test_a_sliding_log_admits_when_the_oldest_charge_leaves():
    log = SlidingLog(3)
    assert [passes(log, now) for now in (0, 10, 20, 59, 60)] == [True, True, True, False, True]
    assert log.wait(60) == 10
    assert log.wait(60, 2) == 20


def test_a_sliding_log_corrects_the_charge_of_that_time():
    log = SlidingLog(10)
    log.take(0, 5)
    log.take(10, 5)
    log.correct(20, 0, -5)
    assert log.wait(20, 5) == 0
    assert log.wait(20, 6) == 50
    log.correct(65, 0, 100)
    assert log.wait(65, 5) == 0


@pytest.mark.parametrize(("into", "usage", "allowed"), [(30, 100, False), (40, 93.333, True)])
def test_a_sliding_counter_of_100_with_40_before_and_80_now(into, usage, allowed):
    counter = SlidingCounter(100)
    counter.take(0, 40)
    counter.take(60, 80)
    assert counter.usage(60 + into) == pytest.approx(usage, abs=0.001)
    assert passes(counter, 60 + into) is allowed


def test_a_sliding_counter_waits_until_enough_of_the_past_has_faded():
    counter = SlidingCounter(10)
    counter.take(59, 10)
    assert counter.wait(59) == pytest.approx(1 + 6)
    assert counter.wait(60, 5) == pytest.approx(30)
    counter.take(60, 5)
    assert counter.wait(60, 5) == pytest.approx(60)
    assert counter.wait(60, 6) == pytest.approx(72)


def test_a_sliding_counter_assumes_an_even_previous_window():
    """Its weakness: ten calls at the end of one minute, nine at the end of the next: 19 within 60 s."""
    counter = SlidingCounter(10)
    assert sum(passes(counter, 59.99) for _ in range(12)) == 10
    assert sum(passes(counter, 119.9) for _ in range(12)) == 9


def test_a_sliding_counter_corrects_the_window_of_that_time():
    counter = SlidingCounter(10)
    counter.take(0, 10)
    counter.take(61, 1)
    counter.correct(90, 0, -4)
    assert counter.usage(90) == 1 + 6 * 0.5
    counter.correct(150, 0, -4)
    assert counter.usage(150) == 1 * 0.5
    assert counter.usage(1_000) == 0


def test_a_leaky_bucket_spaces_calls_evenly_and_saves_nothing_up():
    bucket = LeakyBucket(10, 1)
    assert [passes(bucket, now) for now in (0, 0, 0.05, 0.1, 0.2, 5, 5, 5.1)] == [1, 0, 0, 1, 1, 1, 0, 1]
    assert bucket.wait(5.1) == pytest.approx(0.1)


def test_a_leaky_bucket_loses_the_time_of_late_starts():
    """Ten a second, each 20 ms late, use 1 / (1 + 10 x 0.02) of the rate."""
    bucket, now, starts = LeakyBucket(10, 1), 0.0, 0
    while now < 120:
        now += bucket.wait(now) + 0.02
        bucket.take(now)
        starts += 1
    assert starts / 1_200 == pytest.approx(1 / 1.2, abs=0.01)


def test_a_leaky_bucket_without_a_rate_stays_full_and_takes_a_new_rate():
    bucket = LeakyBucket(0, 1)
    assert passes(bucket, 0)
    assert bucket.wait(10) == math.inf
    bucket.rate = 2.0
    assert bucket.wait(10) == 0.5


def test_rounding_errors_take_nothing_from_a_budget():
    budget = Budget(0.3)
    assert [passes(budget, 0, 0.1) for _ in range(4)] == [1, 1, 1, 0]


def test_a_budget_is_spent_once():
    budget = Budget(10)
    assert [passes(budget, now, cost) for now, cost in ((0, 6), (0, 6), (1e9, 6), (1e9, 4))] == [1, 0, 0, 1]
    assert budget.wait(1e9) == math.inf
    budget.correct(1e9, 0, -2)
    assert passes(budget, 1e9, 2)
