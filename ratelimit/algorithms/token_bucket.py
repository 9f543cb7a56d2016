import math


class TokenBucket:
    """Holds up to `limit` tokens and refills continuously at `rate` a second; a call takes its cost in tokens.

    Source: J. Turner, "New directions in communications", IEEE Communications 24(10), 1986; equal to GCRA (ITU-T
    I.371). Weakness: after an idle time it admits a full bucket at once, so t seconds can admit capacity + rate x t.
    """

    __slots__ = ("_at", "level", "limit", "rate")

    def __init__(self, rate: float, capacity: float, *, level: float | None = None) -> None:
        """`rate` in tokens a second; the bucket starts full unless `level` is given."""
        self.rate = rate
        """You may set it: the new rate applies from the time of the last call."""
        self.limit = capacity
        self.level = capacity if level is None else level
        """Tokens at the time of the last call; negative: debt."""
        self._at = -math.inf

    def wait(self, now: float, cost: float = 1.0) -> float:
        if now > self._at:
            if self._at > -math.inf:
                level = self.level + (now - self._at) * self.rate
                self.level = level if level < self.limit else self.limit  # noqa: FURB136 (min() is a fifth slower)
            self._at = now
        if cost > self.limit:
            return math.inf
        missing = cost - self.level
        # The tolerance keeps rounding errors from turning "it fits" into a wait of a nanosecond.
        if missing <= 1e-9 * self.limit:
            return 0.0
        return missing / self.rate if self.rate > 0 else math.inf

    def take(self, now: float, cost: float = 1.0) -> None:
        if now > self._at:
            self.wait(now, 0.0)  # refills
        self.level -= cost

    def correct(self, now: float, taken_at: float, delta: float) -> None:
        """A refund fills the bucket up to its capacity; `taken_at` is not used."""
        if now > self._at:
            self.wait(now, 0.0)  # refills
        self.level = min(self.limit, self.level - delta)

    def resume(self, now: float, since: float) -> None:
        """Start with an empty bucket, or with the debt there is."""
        if now > self._at:
            self.wait(now, 0.0)  # refills
        self.level = min(self.level, 0.0)
