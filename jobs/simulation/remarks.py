"""Why a figure is bad, in words (pure)."""

from collections.abc import Mapping
from typing import Final

from jobs.simulation.client import ATTEMPTS
from jobs.simulation.result import Result
from jobs.simulation.simulation import Simulation

THROTTLED, SLOW, UNFAIR = 0.02, 1.15, 0.9
"""From which throttle rate, how many times the ideal time, and down to which fairness a figure is bad."""

_TOGETHER = "all whom it refuses come back at the same moment"
_AT_ONCE = "it sends a whole minute's worth at once"
_FINDS = "it finds the rate by being refused"

_REFUSED: Final[Mapping[str, str]] = {
    "none": "nothing holds its calls back, and a refusal is tried again at once",
    "fixed-window": _AT_ONCE,
    "sliding-log": _AT_ONCE,
    "sliding-counter": _AT_ONCE,
    "token-bucket": "what it saved up is sent at once, and the server had not saved as much",
    "leaky-bucket": "at its even pace, a call that arrives a moment sooner after the one before finds nothing left",
    "adaptive": _FINDS + " and halves it each time",
    "botocore-adaptive": _FINDS + ", again and again",
    "nginx": "it refuses what is more than a second ahead of its rate, and " + _TOGETHER,
    "kong": _TOGETHER + ", the start of its next minute",
    "kong-sliding": "it counts what it refuses as well, so clients that come back keep it shut",
    "api-gateway": "it refuses what is ahead of its rate, and " + _TOGETHER,
    "bedrock-batch": "the server had less to give than it was told",
    "bedrock-batch-blind": _FINDS,
}
"""Why calls are refused."""

_SLOW: Final[Mapping[str, str]] = {
    "adaptive": "it halves its rate with each refusal, and gets a tenth faster after 100 answers",
    "botocore-adaptive": "what is refused backs off while the quota goes unused",
    "bedrock-batch-blind": "nobody tells it the quota, so it begins slowly",
}
_RESERVES = "it takes maxTokens of the quota in tokens for each call, and gets back none of what the answer leaves"


def remark(result: Result, simulation: Simulation) -> str:
    """What is worst about a result, with its reason; empty if nothing is bad."""
    refused = _REFUSED[result.algorithm]
    out = result.calls - result.throttled - result.served
    """Calls that were refused for an outage."""
    if result.lost and out > result.throttled:
        return f"loses {result.lost:,}: the server was out for longer than {ATTEMPTS} attempts take"
    if result.lost:
        return f"loses {result.lost:,} after {ATTEMPTS} attempts each: {refused}"
    if result.throttle_rate >= THROTTLED:
        return f"{result.throttle_rate:.0%} of its calls are refused: {refused}"
    if result.makespan_s > SLOW * result.ideal_s and result.algorithm != "bedrock-batch":
        return _slow(result, simulation)
    if result.fairness < UNFAIR:
        return "first come, first served: who sends most has most of the quota"
    return ""


def _slow(result: Result, simulation: Simulation) -> str:
    times = f"{result.makespan_s / result.ideal_s:.1f} times the time that it needs"
    if result.algorithm in _SLOW:
        return f"{times}: {_SLOW[result.algorithm]}"
    if simulation.scenario.rules.tpm and not result.algorithm.startswith("bedrock-batch"):
        return f"{times}: {_RESERVES}"
    return times
