"""The baselines that `simulate` compares with the real engine: each limiter of ratelimit.algorithms behind one client.

Limiters are configured with the quotas and, if they have a burst, with the server's; fixed windows are aligned with the
server's clock. `adaptive` and `botocore-adaptive` get no quota and find a request rate themselves. Gateways limit
requests only, not tokens; NGINX and Kong take a whole number of requests per minute, at least 1.
"""

import asyncio
import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from jobs.emulator.quotas import QuotaRules
from jobs.requests.cost import REQUESTS, TOKENS
from jobs.simulation.baseline_client import BaselineClient, ClientPacer
from jobs.simulation.engine_run import OnStart, Run
from jobs.simulation.experiment import Experiment
from jobs.simulation.scenario import MINUTE
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

START_RATE, MIN_RATE, MAX_RATE = 1.0, 0.05, 1e6
"""Of the x1.1/x0.5 rule, in calls per second."""
MIN_WAIT = 1e-6
"""Seconds. A shorter sleep may be rounded away: the virtual clock would not advance."""


class LimiterPacer:
    """Starts calls first come, first served, as soon as its limiters allow."""

    def __init__(self, limiters: Mapping[str, Limiter], learner: Adaptive | BotocoreAdaptive | None = None) -> None:
        """`limiters` by quota name (jobs.requests.cost); `learner`, one of them, receives the outcomes of calls."""
        self._book = QuotaBook({name: Dimension(limiter, math.inf) for name, limiter in limiters.items()})
        self._learner = learner
        self._turn = asyncio.Lock()
        self._rate_changed = asyncio.Event()

    async def acquire(self, tokens: float) -> None:
        """Wait until a call may start; unused tokens are not refunded."""
        clock = asyncio.get_running_loop().time
        amounts = self._book.amounts({REQUESTS: 1.0, TOKENS: tokens})
        async with self._turn:
            while not isinstance(decision := self._book.try_reserve(clock(), amounts), Reservation):
                self._rate_changed.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(max(MIN_WAIT, decision)):
                        await self._rate_changed.wait()

    def ended(self, *, throttled: bool) -> None:
        if self._learner is None:
            return
        now = asyncio.get_running_loop().time()
        if throttled:
            self._learner.throttled(now, now, 1.0)
        else:
            self._learner.succeeded(now)
        self._rate_changed.set()


class NoPacer:
    """Starts every call immediately."""

    async def acquire(self, tokens: float) -> None:
        pass

    def ended(self, *, throttled: bool) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Baseline:
    """What distinguishes one baseline from another."""

    pacer: Callable[[QuotaRules, float], ClientPacer] = lambda rules, phase: NoPacer()
    """Takes the server's quotas and its `phase`: the seconds into the minute at the start."""
    gatekeeper: Callable[[QuotaRules], Gatekeeper] | None = None
    """The gateway in front of the server."""
    backoff: bool = True
    """Whether it waits before a retry."""


def _limited(limiter: Callable[[float, float, float], Limiter]) -> Baseline:
    """A baseline with one limiter per quota, made from (quota per minute, burst in seconds, phase in seconds)."""

    def pacer(rules: QuotaRules, phase: float) -> ClientPacer:
        burst = min(rules.burst, MINUTE) if rules.refill == "bucket" else 1.0
        quotas = ((REQUESTS, rules.rpm), (TOKENS, rules.tpm))
        return LimiterPacer({name: limiter(quota, burst, phase) for name, quota in quotas if quota is not None})

    return Baseline(pacer)


def _adaptive(rules: QuotaRules, phase: float) -> ClientPacer:
    learner = Adaptive(START_RATE, START_RATE, lowest=MIN_RATE, highest=MAX_RATE)
    return LimiterPacer({REQUESTS: learner}, learner)


def _botocore(rules: QuotaRules, phase: float) -> ClientPacer:
    learner = BotocoreAdaptive(asyncio.get_running_loop().time())
    return LimiterPacer({REQUESTS: learner}, learner)


def _nginx(rules: QuotaRules) -> Gatekeeper:
    """`rate=` in the unit that rounds least, `burst=` one second's worth, delayed to an even rate."""
    rate = _whole_rpm(rules)
    return LimitReq(f"{rate // 60}r/s" if rate % 60 == 0 else f"{rate}r/m", burst=max(1, rate // 60))


def _api_gateway(rules: QuotaRules) -> Gatekeeper:
    per_second = (rules.rpm or 1.0) / MINUTE
    return ApiGateway(per_second, max(1.0, per_second * rules.burst))


def _whole_rpm(rules: QuotaRules) -> int:
    return max(1, int(rules.rpm or 1))


BASELINES: Final[Mapping[str, Baseline]] = {
    "none": Baseline(backoff=False),
    "fixed-window": _limited(lambda quota, burst, phase: FixedWindow(quota, MINUTE, -phase)),
    "sliding-log": _limited(lambda quota, burst, phase: SlidingLog(quota, MINUTE)),
    "sliding-counter": _limited(lambda quota, burst, phase: SlidingCounter(quota, MINUTE, -phase)),
    "token-bucket": _limited(lambda quota, burst, phase: TokenBucket(quota / MINUTE, max(1.0, quota / MINUTE * burst))),
    "leaky-bucket": _limited(lambda quota, burst, phase: LeakyBucket(quota / MINUTE, quota)),
    "adaptive": Baseline(_adaptive),
    "botocore-adaptive": Baseline(_botocore),
    "nginx": Baseline(gatekeeper=_nginx),
    "kong": Baseline(gatekeeper=lambda rules: KongFixed(_whole_rpm(rules))),
    "kong-sliding": Baseline(gatekeeper=lambda rules: KongSliding(_whole_rpm(rules))),
    "api-gateway": Baseline(gatekeeper=_api_gateway),
}
"""By the name that `--algorithm` takes."""


def run_baseline(name: str, experiment: Experiment, on_start: OnStart | None = None) -> Run:
    baseline, rules = BASELINES[name], experiment.scenario.rules
    client = BaselineClient(
        experiment.scenario,
        experiment.workload(),
        lambda: baseline.pacer(rules, client.server.phase),
        experiment.concurrency,
        gatekeeper=baseline.gatekeeper(rules) if baseline.gatekeeper else None,
        backoff=baseline.backoff,
    )
    if on_start is not None:
        on_start(client.workload, client.server)
    return client.run(experiment.duration)
