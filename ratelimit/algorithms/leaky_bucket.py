"""The leaky bucket as a queue: evenly spaced starts."""

import math


class LeakyBucket:
    """A call adds its cost, the bucket leaks `rate` a second, and the next call starts when the bucket is empty.

    Source: J. Turner, "New directions in communications", IEEE Communications 24(10), 1986, as a queue served at an
    even rate. Weakness: unused time is lost. If starts come j seconds late, because of a slow timer or a lack of work,
    only 1 / (1 + rate x j) of the rate is used.
    """

    __slots__ = ("_at", "level", "limit", "rate")

    def __init__(self, rate: float, capacity: float) -> None:
        """`rate` in units a second; `capacity` is the largest cost of a call."""
        self.rate = rate
        """You may set it: the new rate applies from the time of the last call."""
        self.limit = capacity
        self.level = 0.0
        """Content at the time of the last call."""
        self._at = -math.inf

    def _leak(self, now: float) -> None:
        self.level = max(0.0, self.level - (now - self._at) * self.rate) if self.level else 0.0
        self._at = now

    def wait(self, now: float, cost: float = 1.0) -> float:
        if cost > self.limit:
            return math.inf
        if now > self._at:
            self._leak(now)
        if self.level <= 1e-9 * self.limit:  # no timer for a rounding error
            return 0.0
        return self.level / self.rate if self.rate > 0 else math.inf

    def take(self, now: float, cost: float = 1.0) -> None:
        if now > self._at:
            self._leak(now)
        self.level += cost

    def correct(self, now: float, taken_at: float, delta: float) -> None:
        """A refund removes what has not leaked yet; `taken_at` is not used."""
        if now > self._at:
            self._leak(now)
        self.level = max(0.0, self.level + delta)
