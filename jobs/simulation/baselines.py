"""The baselines that `simulate` compares with the real engine: each limiter of ratelimit.algorithms behind one client.

Limiters are configured with the quotas and, if they have a burst, with the server's; fixed windows are aligned with the
server's clock. `adaptive` and `botocore-adaptive` get no quota and find a request rate themselves. Gateways limit
requests only, not tokens; NGINX and Kong take a whole number of requests per minute, at least 1.
"""

from collections.abc import Callable, Mapping
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


@dataclass(frozen=True, slots=True)
class Baseline:
    pacer: Callable[[QuotaRules, float], ClientPacer] = lambda rules, phase: ClientPacer({})
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
        return ClientPacer({name: limiter(quota, burst, phase) for name, quota in quotas if quota is not None})

    return Baseline(pacer)


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
    "adaptive": Baseline(lambda rules, phase: ClientPacer({REQUESTS: Adaptive(1.0, 1.0, min_rate=0.05, max_rate=1e6)})),
    "botocore-adaptive": Baseline(lambda rules, phase: ClientPacer({REQUESTS: BotocoreAdaptive(0.0)})),
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
