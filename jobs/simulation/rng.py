"""Random numbers that are the same on every version of Python.

Of `random` only `Random.random()` is used: Python promises that its sequence stays, and promises nothing of the rest.
"""

import math
import random


class Rng:
    """One stream of numbers; streams of the same seed but another name have nothing to do with each other."""

    __slots__ = ("uniform",)

    def __init__(self, seed: int, name: str) -> None:
        self.uniform = random.Random(f"{name} {seed}").random  # noqa: S311 (nothing is kept secret)
        """The next number in [0, 1)."""

    def between(self, low: float, high: float) -> float:
        """Uniform in [low, high)."""
        return low + (high - low) * self.uniform()

    def lognormal(self, median: float, sigma: float) -> float:
        """Lognormal: its logarithm is normal around that of `median` (the Box-Muller transform, 1958)."""
        if not sigma:
            return median
        radius = math.sqrt(-2.0 * math.log(1.0 - self.uniform()))
        return median * math.exp(sigma * radius * math.cos(math.tau * self.uniform()))
