"""Random numbers that are the same on every version of Python.

Only `random.Random.random()` is used: it is the one method whose sequence Python guarantees between versions.
"""

import math
import random


class Rng:
    """One stream of random numbers, determined by a seed and a name. Streams with different names are independent."""

    __slots__ = ("uniform",)

    def __init__(self, seed: int, name: str) -> None:
        self.uniform = random.Random(f"{name} {seed}").random  # noqa: S311 (not used for secrets)
        """The next number in [0, 1)."""

    def between(self, low: float, high: float) -> float:
        """Uniform in [low, high)."""
        return low + (high - low) * self.uniform()

    def lognormal(self, median: float, sigma: float) -> float:
        """Lognormal; `sigma` is the standard deviation of the logarithm (Box-Muller transform, 1958)."""
        if not sigma:
            return median
        radius = math.sqrt(-2.0 * math.log(1.0 - self.uniform()))
        return median * math.exp(sigma * radius * math.cos(math.tau * self.uniform()))
