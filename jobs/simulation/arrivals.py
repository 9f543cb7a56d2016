"""When requests are there to be called for: times that never run backwards, in seconds since the start."""

import math
from collections.abc import Iterator
from itertools import repeat
from typing import Literal

from jobs.simulation.rng import Rng

Arrivals = Literal["batch", "poisson", "bursty"]

BURST = 20
"""Requests of a burst, on average."""


def arrivals(kind: Arrivals, per_second: float, seed: int) -> Iterator[float]:
    """All at once (`batch`), one by one, or in bursts; the latter two with that many a second on average, for ever.

    `poisson`: a Poisson process. `bursty`: bursts begin as a Poisson process, and how many requests come with each
    is drawn from the geometric distribution with mean BURST (a compound Poisson process).
    """
    rng = Rng(seed, "arrivals")
    match kind:
        case "batch":
            return repeat(0.0)
        case "poisson":
            return _poisson(per_second, rng)
        case "bursty":
            return _bursty(per_second, rng)


def _poisson(per_second: float, rng: Rng) -> Iterator[float]:
    at = 0.0
    while True:
        at -= math.log(1.0 - rng.uniform()) / per_second
        yield at


def _bursty(per_second: float, rng: Rng) -> Iterator[float]:
    for at in _poisson(per_second / BURST, rng):
        yield from repeat(at, 1 + int(math.log(1.0 - rng.uniform()) / math.log(1.0 - 1.0 / BURST)))
