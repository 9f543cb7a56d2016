"""The leaky bucket as a queue: evenly spread starts."""

import math


class LeakyBucket:
    """A call pours its cost in, the content runs out at `rate` a second, and the next starts when the bucket is dry.

    Source: J. Turner, "New directions in communications", IEEE Communications 24(10), 1986, in the form of a queue
    that is served at an even rate. Weakness: nothing is saved up. A start that comes j seconds late, by a slow timer
    or for want of work, is lost for good: of r starts a second 1 / (1 + r x j) are used.
    """

    __slots__ = ("_at", "level", "limit", "rate")

    def __init__(self, rate: float, capacity: float) -> None:
        """`rate` in units a second; `capacity` is the largest cost that is ever let in."""
        self.rate = rate
        """May be set: a new rate holds from the last time the bucket was asked or charged."""
        self.limit = capacity
        self.level = 0.0
        """What had not yet run out when it was last asked."""
        self._at = -math.inf

    def _leak(self, now: float) -> None:
        self.level = max(0.0, self.level - (now - self._at) * self.rate) if self.level else 0.0
        self._at = now

    def wait(self, now: float, cost: float = 1.0) -> float:
        """Seconds until all that was poured in before has run out: 0.0 now, `math.inf` never."""
        if cost > self.limit:
            return math.inf
        if now > self._at:
            self._leak(now)
        if self.level <= 1e-9 * self.limit:  # rounding errors are not worth a timer
            return 0.0
        return self.level / self.rate if self.rate > 0 else math.inf

    def take(self, now: float, cost: float = 1.0) -> None:
        """Pour `cost` in."""
        if now > self._at:
            self._leak(now)
        self.level += cost

    def correct(self, now: float, taken_at: float, delta: float) -> None:
        """Pour `delta` more in (negative: take out what is still there); when it was poured does not matter."""
        if now > self._at:
            self._leak(now)
        self.level = max(0.0, self.level + delta)
