"""When requests arrive: non-decreasing times in seconds since the start."""

import math
from collections.abc import Iterator
from itertools import repeat
from typing import Literal

from jobs.simulation.rng import Rng

Arrivals = Literal["batch", "poisson", "bursty"]

MEAN_BURST_SIZE = 20
"""Requests in a burst of `bursty` arrivals."""


def arrivals(kind: Arrivals, per_second: float, seed: int) -> Iterator[float]:
    """Endless arrival times; `poisson` and `bursty` average `per_second`.

    `batch`: all at 0. `poisson`: a Poisson process. `bursty`: a compound Poisson process; bursts arrive as a Poisson
    process, and their sizes are geometric with mean MEAN_BURST_SIZE.
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
    log_continue = math.log(1.0 - 1.0 / MEAN_BURST_SIZE)
    for at in _poisson(per_second / MEAN_BURST_SIZE, rng):
        yield from repeat(at, 1 + int(math.log(1.0 - rng.uniform()) / log_continue))
