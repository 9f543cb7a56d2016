"""Throttles that come whatever the rate is."""

import random

import pytest

from ratelimit.random_throttles import MAX_TERM, SPAN, TERM, RandomThrottles

RATE = 100.0


def ignored(watch: RandomThrottles, start: float, *, rate: float, share: float, seconds: float) -> list[float]:
    """The times of ignored throttles among calls at this rate, of which this share is throttled."""
    uniform, times = random.Random(1).random, []
    for number in range(int(seconds * rate)):
        watch.sent(1.0)
        now = start + number / rate
        if uniform() < share and watch.ignores(now):
            times.append(now)
    return times


def test_they_are_ignored_if_many_come_in_a_minute_at_a_low_rate():
    times = ignored(RandomThrottles(RATE), 0.0, rate=2.0, share=0.5, seconds=100.0)
    assert SPAN <= times[0] < SPAN + 10.0


@pytest.mark.parametrize(("rate", "share"), [(2.0, 0.05), (90.0, 0.5), (2.0, 1.0)])
def test_few_throttles_those_at_a_high_rate_and_those_of_all_calls_are_not_ignored(rate, share):
    assert not ignored(RandomThrottles(RATE), 0.0, rate=rate, share=share, seconds=300.0)


def test_for_a_term_they_are_ignored_at_the_full_rate():
    watch = RandomThrottles(RATE)
    began = ignored(watch, 0.0, rate=2.0, share=0.5, seconds=70.0)[0]
    times = ignored(watch, 70.0, rate=RATE, share=0.5, seconds=1000.0)
    assert TERM - 1.0 < times[-1] - began < TERM


def test_if_ignoring_them_makes_more_of_them_they_are_news_for_long():
    """Others leave little: at the full rate nearly all calls are throttled."""
    watch = RandomThrottles(RATE)
    ignored(watch, 0.0, rate=2.0, share=0.4, seconds=70.0)
    assert len(ignored(watch, 70.0, rate=RATE, share=0.99, seconds=100.0)) <= 110
    assert not ignored(watch, 200.0, rate=2.0, share=0.5, seconds=500.0)
    assert ignored(watch, 200.0 + MAX_TERM, rate=2.0, share=0.5, seconds=200.0)
