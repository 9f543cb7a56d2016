"""The ramp: e-fold growth in four seconds, while the rate is what holds calls back."""

import math

import pytest

from ratelimit.discovery.knowledge import Knowledge
from ratelimit.discovery.ramp import GROWTH, START_RATE, Ramp
from ratelimit.discovery.state import Stopped, Throttle


def ramped(seconds: float, cost: float = 1.0, start: float = 1000.0) -> tuple[Ramp, list[float]]:
    """A fully used ramp, and when its calls were sent."""
    ramp, now, sent = Ramp(Knowledge()), start, []
    while True:
        now += ramp.wait(now, cost)
        if now >= start + seconds:
            return ramp, sent
        ramp.known.sent(now, cost)
        ramp.sent(now, cost)
        sent.append(now)


@pytest.mark.parametrize("cost", [1.0, 5000.0])
def test_the_rate_starts_at_four_calls_a_second_and_grows_e_fold_in_four_seconds(cost):
    ramp, sent = ramped(16.0, cost)
    assert ramp.rate == pytest.approx(START_RATE * cost * math.e**4, rel=0.03)
    for second in (0.0, 4.0, 8.0, 12.0):
        calls = sum(1000 + second <= at < 1004 + second for at in sent)
        expected = START_RATE * GROWTH * (math.exp((second + 4) / GROWTH) - math.exp(second / GROWTH))
        assert calls == pytest.approx(expected, rel=0.06, abs=2)


def test_the_first_call_starts_at_once_and_the_next_a_quarter_of_a_second_later():
    ramp = Ramp(Knowledge())
    assert ramp.wait(7.0, 1.0) == 0.0
    ramp.known.sent(7.0, 1.0)
    ramp.sent(7.0, 1.0)
    assert ramp.wait(7.0, 1.0) == pytest.approx(0.25 - 0.02, abs=0.021)


def test_it_does_not_grow_while_something_else_holds_the_calls_back():
    """With another quota or max_in_flight as the limit, a faster rate would have changed nothing and proves nothing."""
    ramp, now = Ramp(Knowledge()), 0.0
    for _ in range(600):
        assert ramp.wait(now, 1.0) == 0.0
        ramp.known.sent(now, 1.0)
        ramp.sent(now, 1.0)
        now += 0.5
    assert ramp.rate == START_RATE


def test_it_does_not_grow_in_an_idle_hour():
    ramp, sent = ramped(8.0)
    rate, now = ramp.rate, sent[-1] + 3600
    ramp.known.sent(now, 1.0)
    ramp.sent(now, 1.0)
    assert ramp.rate == rate


def test_it_does_not_grow_while_one_expensive_call_waits():
    """A section of a hundred times the mean waits for long, which does not prove that a faster rate would pass."""
    ramp, sent = ramped(2.0, 1500.0)
    rate, now = ramp.rate, sent[-1]
    for cost in (150_000.0, 1500.0):
        now += ramp.wait(now, cost)
        ramp.known.sent(now, cost)
        ramp.sent(now, cost)
    assert ramp.rate < 20 * rate


def test_a_stop_has_the_rate_at_which_the_throttled_call_was_sent():
    ramp, sent = ramped(12.0)
    finding = ramp.throttled(1012.0, Throttle(sent[-1] - 4.0, 1.0))
    assert isinstance(finding, Stopped)
    assert finding.first == Throttle(sent[-1] - 4.0, 1.0)
    assert finding.rate == pytest.approx(ramp.rate / math.e)


def test_a_stop_is_never_below_the_first_rate():
    ramp, _ = ramped(12.0)
    finding = ramp.throttled(5000.0, Throttle(0.0, 1.0))
    assert isinstance(finding, Stopped)
    assert finding.rate == START_RATE


def test_credits_let_the_next_call_start_sooner():
    ramp, sent = ramped(4.0, 1000.0)
    wait = ramp.wait(sent[-1], 1000.0)
    ramp.credited(0.0, -0.5 * wait * ramp.rate)
    assert ramp.wait(sent[-1], 1000.0) == pytest.approx(wait / 2, abs=1e-6)
