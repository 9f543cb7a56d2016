import math


class Budget:
    """A limiter that never refills; only `correct` gives something back."""

    __slots__ = ("limit", "taken")

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.taken = 0.0

    def wait(self, now: float, cost: float = 1.0) -> float:
        # The tolerance absorbs the rounding errors of a long sum.
        return 0.0 if self.taken + cost <= self.limit * (1 + 1e-9) else math.inf

    def take(self, now: float, cost: float = 1.0) -> None:
        self.taken += cost

    def correct(self, now: float, taken_at: float, delta: float) -> None:
        self.taken += delta
