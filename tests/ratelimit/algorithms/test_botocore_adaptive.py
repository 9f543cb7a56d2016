"""The model of botocore's adaptive mode against botocore's own classes."""

import math
import random

import pytest
from botocore.exceptions import CapacityNotAvailableError
from botocore.retries.adaptive import ClientRateLimiter, RateClocker
from botocore.retries.bucket import TokenBucket
from botocore.retries.throttling import CubicCalculator

from ratelimit.algorithms.botocore_adaptive import BotocoreAdaptive


class Clock:
    def __init__(self, now):
        self.now = now

    def current_time(self):
        return self.now


class Detector:
    def is_throttling_error(self, *, throttled):
        return throttled


class Botocore:
    """Assembled as in botocore's register_retry_handler, with a settable clock."""

    def __init__(self, now):
        self.clock = Clock(now)
        self.bucket = TokenBucket(max_rate=1, clock=self.clock)
        cubic = CubicCalculator(starting_max_rate=0, start_time=now)
        self.limiter = ClientRateLimiter(cubic, RateClocker(self.clock), self.bucket, Detector(), self.clock)

    def send(self):
        """0.0 if a call passes now, else how long it would sleep before the next attempt."""
        try:
            if self.limiter._enabled:
                self.bucket.acquire(block=False)
        except CapacityNotAvailableError:
            return self.bucket._sleep_amount(1)
        return 0.0


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("per_second", [0.2, 3, 40])
def test_every_decision_equals_botocores(seed, per_second):
    chance = random.Random(seed)
    now = chance.uniform(0, 2_000_000_000)
    theirs, ours = Botocore(now), BotocoreAdaptive(now)
    passed = held = 0
    for _ in range(2_000):
        now += chance.choice((0.0, 0.01, 1.0, 1.0, 5.0)) * chance.expovariate(per_second)
        theirs.clock.now = now
        if chance.random() < 0.6:
            wait = ours.wait(now)
            assert wait == pytest.approx(theirs.send(), rel=1e-6, abs=1e-9)
            if wait == 0.0:
                ours.take(now)
                passed += 1
            else:
                held += 1
                now += wait * chance.choice((0.5, 1.001))
        else:
            throttled = chance.random() < 0.05
            theirs.limiter.on_receiving_response(throttled=throttled)
            if throttled:
                ours.throttled(now, now, 1)
            else:
                ours.succeeded(now)
        assert ours.rate == pytest.approx(theirs.bucket.max_rate, rel=1e-9)
        if theirs.limiter._enabled:
            assert ours.limit == pytest.approx(theirs.bucket.max_capacity, rel=1e-9)
        else:
            assert ours.limit == math.inf
    assert passed > 100
    assert held > 20


def test_before_the_first_throttle_every_call_passes():
    limiter = BotocoreAdaptive(0)
    assert all(limiter.wait(0) == 0.0 for _ in range(1_000) if limiter.take(0) is None)
    limiter.throttled(0.5, 0, 1)
    assert limiter.wait(0.5) == pytest.approx(0.5 / (0.8 * 2 * 0.7))  # half a token, at 0.7 x 1.6 a second
    limiter.correct(0.5, 0, -1)  # not charged, so not refunded
    assert limiter.wait(0.5) == pytest.approx(0.5 / (0.8 * 2 * 0.7))


def test_a_charged_call_that_was_never_sent_is_refunded():
    limiter = BotocoreAdaptive(0)
    limiter.throttled(1, 0, 1)
    now = 1 + limiter.wait(1) + 1e-9
    limiter.take(now)
    limiter.throttled(now + 0.01, 0, 1)
    limiter.correct(now + 0.01, now, -1)
    assert limiter.wait(now + 0.01) == 0


def test_an_earlier_time_counts_as_the_latest_one():
    limiter, twin = BotocoreAdaptive(0), BotocoreAdaptive(0)
    for each in (limiter, twin):
        for _ in range(100):
            each.succeeded(9.9)
        each.throttled(10.0, 0, 1)
    for tell in (BotocoreAdaptive.succeeded, lambda each, now: each.throttled(now, 0, 1)):
        tell(limiter, 9.9)
        tell(twin, 10.0)
        assert limiter.rate == twin.rate
        assert limiter.wait(9.9) == twin.wait(10.0)
