"""A model of the client-side rate limiter in botocore's retry mode `adaptive`."""

import math

from ratelimit.algorithms.token_bucket import TokenBucket

SCALE, BETA = 0.4, 0.7
"""Of the cubic curve: its growth, and the factor that a throttle applies to the rate."""
SMOOTHING, INTERVAL = 0.8, 0.5
"""Of the measured rate: the weight of the newest value, and the seconds between two values."""
MIN_RATE, MIN_CAPACITY = 0.5, 1.0
MAX_OVER_MEASURED = 2.0
"""Largest ratio of the rate to the measured rate."""


class CubicRate:
    """CUBIC's curve: back up to the rate of the last throttle, slowly past it, then fast."""

    __slots__ = ("_flat_after", "_peak", "_throttled_at")

    def __init__(self, started: float) -> None:
        self._peak = self._flat_after = 0.0
        self._throttled_at = started

    def succeeded(self, now: float) -> float:
        """The new rate after a success."""
        return float(SCALE * (now - self._throttled_at - self._flat_after) ** 3 + self._peak)

    def throttled(self, now: float, rate: float) -> float:
        """The new rate after a throttle at `rate`."""
        self._peak, self._throttled_at = rate, now
        self._flat_after = ((rate * (1 - BETA)) / SCALE) ** (1 / 3.0)
        return rate * BETA


class MeasuredRate:
    """Responses a second, smoothed, with a new value at most every half second."""

    __slots__ = ("_count", "_from", "_rate")

    def __init__(self, started: float) -> None:
        self._from = float(math.floor(started))
        self._count = 0
        self._rate = 0.0

    def count(self, now: float) -> float:
        """Count a response; the rate."""
        self._count += 1
        interval = math.floor(now / INTERVAL) * INTERVAL
        if interval > self._from:
            rate = self._count / (interval - self._from)
            self._rate = rate * SMOOTHING + self._rate * (1 - SMOOTHING)
            self._from, self._count = interval, 0
        return self._rate


class BotocoreAdaptive:
    """Unlimited until the first throttle, then a token bucket whose rate follows a cubic curve.

    Source: botocore.retries.adaptive, .throttling and .bucket, as of 1.44, where a call costs 1; the curve is
    CUBIC's (RFC 9438). Weakness: it finds the limit by exceeding it again and again (3-5% of calls throttled at 600 a
    minute, 30% at 60, 70% at 10); each throttle of a burst cuts the rate once more; it measures the rate of responses,
    which lags where answers are slow; and it does not count tokens.
    """

    __slots__ = ("_bucket", "_cubic", "_latest", "_measured", "_throttled_at", "limit")

    def __init__(self, started: float) -> None:
        """`started` is when the client was created."""
        self._bucket = TokenBucket(1.0, MIN_CAPACITY, level=0.0)
        self._bucket.take(started, 0.0)
        self._cubic = CubicRate(started)
        self._measured = MeasuredRate(started)
        self._latest = started
        self._throttled_at = math.inf
        """The first throttle; earlier calls were not charged."""
        self.limit = math.inf

    @property
    def rate(self) -> float:
        """Calls a second, once it limits at all."""
        return self._bucket.rate

    def wait(self, now: float, cost: float = 1.0) -> float:
        return 0.0 if self._throttled_at == math.inf else self._bucket.wait(now, cost)

    def take(self, now: float, cost: float = 1.0) -> None:
        if self._throttled_at < math.inf:
            self._bucket.take(now, cost)

    def correct(self, now: float, taken_at: float, delta: float) -> None:
        """Botocore never does this; here it refunds a call that was never sent."""
        if taken_at >= self._throttled_at:
            self._bucket.correct(now, taken_at, delta)

    def succeeded(self, now: float) -> None:
        self._latest = now = max(now, self._latest)
        measured = self._measured.count(now)
        self._change(now, self._cubic.succeeded(now), measured)

    def throttled(self, now: float, taken_at: float, cost: float) -> None:
        """As in botocore, there is no refund."""
        self._latest = now = max(now, self._latest)
        measured = self._measured.count(now)
        limiting = self._throttled_at < math.inf
        rate = self._cubic.throttled(now, min(measured, self.rate) if limiting else measured)
        self._throttled_at = min(now, self._throttled_at)
        self._change(now, rate, measured)

    def _change(self, now: float, rate: float, measured: float) -> None:
        rate = min(rate, MAX_OVER_MEASURED * measured)
        bucket = self._bucket
        bucket.take(now, 0.0)  # refills at the old rate until now
        bucket.rate, bucket.limit = max(rate, MIN_RATE), max(rate, MIN_CAPACITY)
        bucket.level = min(bucket.level, bucket.limit)
        if self._throttled_at < math.inf:
            self.limit = bucket.limit
