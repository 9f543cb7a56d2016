"""The ways of limiting that are simulated side by side: each limiter of ratelimit.algorithms, told what it can use.

A limiter is told the quotas, and, where it has a burst, that of the server; windows begin with those of the server's
clock. `adaptive` and `botocore-adaptive` are
not: they find a rate by themselves, in requests. The gateways are set up as they would stand in front of the client's
calls, by requests alone: they know nothing of tokens. NGINX and Kong take whole requests a minute, at least 1.
"""

import asyncio
import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from jobs.emulator.quotas import QuotaRules
from jobs.requests.cost import REQUESTS, TOKENS
from jobs.simulation.baseline_client import ClientPacer, drive
from jobs.simulation.engine_run import Run, Watch
from jobs.simulation.experiment import Simulation
from jobs.simulation.scenario import MINUTE
from jobs.simulation.server import SimulatedBedrock
from ratelimit.algorithms.adaptive import Adaptive
from ratelimit.algorithms.api_gateway import ApiGateway
from ratelimit.algorithms.botocore_adaptive import BotocoreAdaptive
from ratelimit.algorithms.fixed_window import FixedWindow
from ratelimit.algorithms.kong import KongFixed, KongSliding
from ratelimit.algorithms.leaky_bucket import LeakyBucket
from ratelimit.algorithms.nginx import LimitReq
from ratelimit.algorithms.protocol import Gatekeeper, Limiter
from ratelimit.algorithms.sliding_counter import SlidingCounter
from ratelimit.algorithms.sliding_log import SlidingLog
from ratelimit.algorithms.token_bucket import TokenBucket
from ratelimit.quota import Dimension, QuotaBook, Reservation

START = 1.0
"""Calls a second with which the x1.1/x0.5 rule begins, and its bounds."""
SLOWEST, FASTEST = 0.05, 1e6
MOMENT = 1e-6
"""Seconds; the shortest wait. A shorter one would find a clock that only jumps where it was."""


class Paced:
    """Starts calls in the order in which they ask, as soon as limiters allow it: a ClientPacer."""

    def __init__(self, limiters: Mapping[str, Limiter], learner: Adaptive | BotocoreAdaptive | None = None) -> None:
        """`limiters` by the quota (jobs.requests.cost); `learner` is the one of them that is told how calls end."""
        self._book = QuotaBook({name: Dimension(limiter, math.inf) for name, limiter in limiters.items()})
        self._learner = learner
        self._turn = asyncio.Lock()
        self._changed = asyncio.Event()

    async def acquire(self, tokens: float) -> None:
        """Wait for leave to send a call that reserves so many tokens, none of which ever come back."""
        clock = asyncio.get_running_loop().time
        amounts = self._book.amounts({REQUESTS: 1.0, TOKENS: tokens})
        async with self._turn:
            while not isinstance(decision := self._book.try_reserve(clock(), amounts), Reservation):
                self._changed.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(max(MOMENT, decision)):
                        await self._changed.wait()

    def ended(self, *, throttled: bool) -> None:
        """Tell the learner, whose rate may be another one from now on."""
        if self._learner is None:
            return
        now = asyncio.get_running_loop().time()
        if throttled:
            self._learner.throttled(now, now, 1.0)
        else:
            self._learner.succeeded(now)
        self._changed.set()


class Unpaced:
    """Holds nothing back: a ClientPacer."""

    async def acquire(self, tokens: float) -> None:
        """At once."""

    def ended(self, *, throttled: bool) -> None:
        """Nothing follows from it."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """A plain client with its way of limiting."""

    pacer: Callable[[QuotaRules, float], ClientPacer] = lambda rules, phase: Unpaced()
    """`phase` is how far the clock is into its minute at the start."""
    gatekeeper: Callable[[QuotaRules], Gatekeeper] | None = None
    """Stands before the server."""
    backoff: bool = True
    """Whether it waits before it tries again what was refused."""


def limited(make: Callable[[float, float, float], Limiter]) -> Baseline:
    """A client with one limiter for each quota.

    `make` takes the quota a minute, the seconds' worth of a burst, and how far the clock is into its minute at first.
    """

    def pacer(rules: QuotaRules, phase: float) -> ClientPacer:
        burst = min(rules.burst, MINUTE) if rules.refill == "bucket" else 1.0
        quotas = ((REQUESTS, rules.rpm), (TOKENS, rules.tpm))
        return Paced({name: make(quota, burst, phase) for name, quota in quotas if quota is not None})

    return Baseline(pacer)


def _adaptive(rules: QuotaRules, phase: float) -> ClientPacer:
    learner = Adaptive(START, START, min_rate=SLOWEST, max_rate=FASTEST)
    return Paced({REQUESTS: learner}, learner)


def _botocore(rules: QuotaRules, phase: float) -> ClientPacer:
    learner = BotocoreAdaptive(asyncio.get_running_loop().time())
    return Paced({REQUESTS: learner}, learner)


def _nginx(rules: QuotaRules) -> Gatekeeper:
    """`rate=` in the unit that loses least to its integers, `burst=` a second's worth, held back to an even pace."""
    rate = _whole(rules)
    in_seconds = rate % 60 == 0
    return LimitReq(f"{rate // 60}r/s" if in_seconds else f"{rate}r/m", burst=max(1, rate // 60))


def _api_gateway(rules: QuotaRules) -> Gatekeeper:
    per_second = (rules.rpm or 1.0) / MINUTE
    return ApiGateway(per_second, max(1.0, per_second * rules.burst))


def _whole(rules: QuotaRules) -> int:
    return max(1, int(rules.rpm or 1))


PLAIN: Final[Mapping[str, Baseline]] = {
    "none": Baseline(backoff=False),
    "fixed-window": limited(lambda quota, burst, phase: FixedWindow(quota, MINUTE, -phase)),
    "sliding-log": limited(lambda quota, burst, phase: SlidingLog(quota, MINUTE)),
    "sliding-counter": limited(lambda quota, burst, phase: SlidingCounter(quota, MINUTE, -phase)),
    "token-bucket": limited(lambda quota, burst, phase: TokenBucket(quota / MINUTE, max(1.0, quota / MINUTE * burst))),
    "leaky-bucket": limited(lambda quota, burst, phase: LeakyBucket(quota / MINUTE, quota)),
    "adaptive": Baseline(_adaptive),
    "botocore-adaptive": Baseline(_botocore),
    "nginx": Baseline(gatekeeper=_nginx),
    "kong": Baseline(gatekeeper=lambda rules: KongFixed(_whole(rules))),
    "kong-sliding": Baseline(gatekeeper=lambda rules: KongSliding(_whole(rules))),
    "api-gateway": Baseline(gatekeeper=_api_gateway),
}
"""The clients that are not ours, by the name that the command line has for them."""


def run_plain(name: str, simulation: Simulation, watch: Watch | None = None) -> Run:
    """Run one of PLAIN."""
    baseline, rules = PLAIN[name], simulation.scenario.rules
    phase = SimulatedBedrock(simulation.scenario).phase
    return drive(
        simulation.scenario,
        simulation.work(),
        lambda: baseline.pacer(rules, phase),
        max_in_flight=simulation.concurrency,
        seconds=simulation.duration,
        gatekeeper=baseline.gatekeeper(rules) if baseline.gatekeeper else None,
        backoff=baseline.backoff,
        watch=watch,
    )
