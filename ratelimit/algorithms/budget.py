"""An amount that is given once."""

import math


class Budget:
    """A limiter that never refills: a budget. What is taken can only be given back by `correct`."""

    __slots__ = ("limit", "taken")

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.taken = 0.0

    def wait(self, now: float, cost: float = 1.0) -> float:
        """0.0 if there is enough left, else `math.inf`."""
        # Rounding errors of a long sum must not turn what fits into what does not.
        return 0.0 if self.taken + cost <= self.limit * (1 + 1e-9) else math.inf

    def take(self, now: float, cost: float = 1.0) -> None:
        """Spend `cost`."""
        self.taken += cost

    def correct(self, now: float, taken_at: float, delta: float) -> None:
        """Add `delta` to what was spent."""
        self.taken += delta
