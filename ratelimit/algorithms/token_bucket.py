"""The token bucket."""

import math


class TokenBucket:
    """Holds up to `capacity` tokens, refilled continuously at `rate` a second; a call takes its cost.

    Source: J. Turner, "New directions in communications", IEEE Communications 24(10), 1986; equal to GCRA (ITU-T
    I.371). Weakness: after a quiet time it admits a whole capacity at once, so in a window of t seconds up to
    capacity + rate x t, more than rate x t.
    """

    __slots__ = ("_at", "level", "limit", "rate")

    def __init__(self, rate: float, capacity: float, *, level: float | None = None) -> None:
        """`rate` in tokens a second; the bucket starts full unless `level` says otherwise."""
        self.rate = rate
        """May be set: a new rate holds from the last time the bucket was asked or charged."""
        self.limit = capacity
        self.level = capacity if level is None else level
        """Tokens there were when it was last asked; negative: debt."""
        self._at = -math.inf

    def wait(self, now: float, cost: float = 1.0) -> float:
        """Seconds until `cost` tokens are there: 0.0 now, `math.inf` never."""
        if now > self._at:
            if self._at > -math.inf:
                level = self.level + (now - self._at) * self.rate
                self.level = level if level < self.limit else self.limit  # noqa: FURB136 (min() is a fifth slower)
            self._at = now
        if cost > self.limit:
            return math.inf
        missing = cost - self.level
        # Rounding errors of a long sum must not turn "it fits" into a wait of a nanosecond.
        if missing <= 1e-9 * self.limit:
            return 0.0
        return missing / self.rate if self.rate > 0 else math.inf

    def take(self, now: float, cost: float = 1.0) -> None:
        """Take `cost` tokens; the level may fall below zero."""
        if now > self._at:
            self.wait(now, 0.0)  # refills it
        self.level -= cost

    def correct(self, now: float, taken_at: float, delta: float) -> None:
        """Take `delta` more (negative: give back, up to the capacity); when it was taken does not matter."""
        if now > self._at:
            self.wait(now, 0.0)  # refills it
        self.level = min(self.limit, self.level - delta)

    def resume(self, now: float, since: float) -> None:
        """Nobody could call from `since` until now: the bucket begins empty, whatever has gathered."""
        if now > self._at:
            self.wait(now, 0.0)  # refills it
        self.level = min(self.level, 0.0)
