"""Why a figure is bad, in words (pure)."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from jobs.simulation.client import ATTEMPTS, TIMEOUT
from jobs.simulation.result import Result
from jobs.simulation.simulation import Simulation

THROTTLED, SLOW, UNFAIR = 0.02, 1.15, 0.9
"""From which throttle rate, how many times the ideal time, and down to which fairness a figure is bad."""
MOMENT = 2.0
"""Seconds over the ideal time that nobody minds."""

_TOGETHER = "all whom it refuses come back at the same moment"
_AT_ONCE = "it sends a whole minute's worth at once"
_FINDS = "it finds the rate by being refused"
_SOONER = "a call that arrives a moment sooner after the one before finds nothing left"

_REFUSED: Final[Mapping[str, str]] = {
    "none": "nothing holds its calls back, and a refusal is tried again at once",
    "fixed-window": _AT_ONCE,
    "sliding-log": _AT_ONCE,
    "sliding-counter": _AT_ONCE,
    "token-bucket": _SOONER,
    "leaky-bucket": _SOONER,
    "adaptive": _FINDS + " and halves it each time",
    "botocore-adaptive": _FINDS + ", again and again",
    "nginx": "it refuses what is more than a second ahead of its rate, and " + _TOGETHER,
    "kong": _TOGETHER + ", the start of its next minute",
    "kong-sliding": "it counts what it refuses as well, so clients that come back keep it shut",
    "api-gateway": "it refuses what is ahead of its rate, and " + _TOGETHER,
    "bedrock-batch": _SOONER,
    "bedrock-batch-blind": _FINDS,
}
"""Why calls are refused, if nothing else explains it."""
_TOLD: Final = frozenset(
    {"fixed-window", "sliding-log", "sliding-counter", "token-bucket", "leaky-bucket", "bedrock-batch"}
)
"""Those that keep to the quotas that they were told."""

_SLOW: Final[Mapping[str, str]] = {
    "adaptive": "it begins with a call a second, gets a tenth faster after 100 answers, and halves with each refusal",
    "botocore-adaptive": "what is refused backs off while the quota goes unused",
    "bedrock-batch-blind": "nobody tells it the quota, so it begins slowly and finds it first",
}
_RESERVES = "it takes maxTokens of the quota in tokens for each call, and gets back none of what the answer leaves"
_EVENLY = "it spreads evenly what the server would give at once"
_UNUSED = "what answers leave of maxTokens is not to be had until they are there"


def remark(result: Result, simulation: Simulation, refusals: Counter[str]) -> str:
    """What is bad about a result, with the reasons; empty if nothing is. `refusals` are calls by what refused them."""
    scenario = simulation.scenario
    said = []
    if result.lost:
        said.append(f"loses {result.lost:,} after {ATTEMPTS} attempts each: {_loses(result, simulation, refusals)}")
    elif result.throttle_rate >= THROTTLED:
        said.append(f"{result.throttle_rate:.0%} of its calls are refused: {_refused(result, simulation, refusals)}")
    late = result.makespan_s - result.ideal_s
    if not result.lost and result.makespan_s > SLOW * result.ideal_s and late > MOMENT:
        times = f"{result.makespan_s / max(1.0, result.ideal_s):.1f} times the time that it needs"
        reason = "others take a part of the quota" if scenario.tenants else _slow(result, simulation)
        said.append(f"{times}: {reason}" if reason else times)
    if not said and result.fairness < UNFAIR and not result.algorithm.startswith("bedrock-batch"):
        said.append("first come, first served: who sends most has most of the quota")
    return "; ".join(said)


def _loses(result: Result, simulation: Simulation, refusals: Counter[str]) -> str:
    if refusals["unavailable"] > result.throttled:
        return "the server was out for longer than they take"
    if not refusals.total() and not result.throttled:
        return f"a call that has no answer after {TIMEOUT / 60:.0f} minutes is given up"
    return _refused(result, simulation, refusals)


def _refused(result: Result, simulation: Simulation, refusals: Counter[str]) -> str:
    if result.algorithm in _TOLD:
        if any(change.factor < 1 for change in simulation.scenario.changes):
            return "the quota is no longer what it was told"
        if simulation.scenario.tenants:
            return "others take a part of the quota that it was told"
        if refusals["tokens"] > refusals["requests"] and _REFUSED[result.algorithm] != _AT_ONCE:
            return "sections have more tokens than their length lets expect"
    return _REFUSED[result.algorithm]


def _slow(result: Result, simulation: Simulation) -> str:
    rules = simulation.scenario.rules
    if simulation.scenario.outages:
        return "after an outage it goes on late" if result.algorithm.startswith("bedrock-batch") else ""
    if result.algorithm in _SLOW:
        return _SLOW[result.algorithm]
    if rules.tpm and result.algorithm == "bedrock-batch":
        return _UNUSED
    if rules.tpm and result.algorithm in _TOLD:
        return _RESERVES
    return _EVENLY if rules.refill != "bucket" and result.algorithm in _TOLD else ""
