"""Why a figure is bad, in words (pure)."""

import math
from collections import Counter
from collections.abc import Mapping
from typing import Final

from jobs.simulation.baseline_client import ATTEMPTS, CAP, TIMEOUT
from jobs.simulation.experiment import Simulation
from jobs.simulation.result import Result

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
    "bedrock-batch-auto": _FINDS,
}
"""Why calls are refused, if nothing else explains it."""
_TOLD: Final = frozenset(
    {"fixed-window", "sliding-log", "sliding-counter", "token-bucket", "leaky-bucket", "bedrock-batch"}
)
"""Those that keep to the quotas that they were told."""
_GATEWAYS: Final = frozenset({"nginx", "kong", "kong-sliding", "api-gateway"})

_BACKS_OFF = "what is refused backs off while the quota goes unused"
_STAYS_AWAY = "what it refuses stays away for as long as it says, while the quota goes unused"
_COMES_LATE = f"what fails in an outage waits up to {CAP:.0f} s before it is tried again"

_SLOW: Final[Mapping[str, str]] = {
    "adaptive": "it begins with a call a second, gets a tenth faster after 100 answers, and halves with each refusal",
    "botocore-adaptive": _BACKS_OFF,
    "bedrock-batch-auto": "nobody tells it the quota, so it begins slowly and finds it first",
}
_RESERVES = "it takes maxTokens of the quota in tokens for each call, and gets back none of what the answer leaves"
_EVENLY = "it spreads evenly what the server would give at once"
_OTHERWISE = "it counts minutes in another way than the server"
_UNUSED = "what answers leave of maxTokens is not to be had until they are there"
_MORE_SINCE = "it keeps to the quota that it was told, and there is more since"


def remark(result: Result, simulation: Simulation, refusals: Counter[str]) -> str:
    """What is bad about a result, with the reasons; empty if nothing is. `refusals` are calls by what refused them."""
    said = []
    if result.lost:
        said.append(f"loses {result.lost:,} after {ATTEMPTS} attempts each: {_loses(result, simulation, refusals)}")
    elif result.throttle_rate >= THROTTLED:
        said.append(f"{result.throttle_rate:.0%} of its calls are refused: {_refused(result, simulation, refusals)}")
    late = result.makespan_s - result.ideal_s
    if not result.lost and result.makespan_s > SLOW * result.ideal_s and late > MOMENT:
        reason = _slow(result, simulation, refusals)
        said.append(f"{_how_slow(result)}: {reason}" if reason else _how_slow(result))
    if not said and result.fairness < UNFAIR and not result.algorithm.startswith("bedrock-batch"):
        said.append("first come, first served: who sends most has most of the quota")
    return "; ".join(said)


def _how_slow(result: Result) -> str:
    if result.ideal_s < 1:  # times next to nothing say nothing
        return f"takes {result.makespan_s:,.0f} s where less than a second would do"
    return f"{result.makespan_s / result.ideal_s:.1f} times the time that it needs"


def _loses(result: Result, simulation: Simulation, refusals: Counter[str]) -> str:
    """The reason that most of the failed calls had."""
    out = refusals["unavailable"]
    # Nobody counts them. What is under way at the end of a timed run is among those served, so two bounds are needed.
    given_up = max(result.calls - result.served, result.lost * ATTEMPTS) - result.throttled - out
    if given_up > max(result.throttled, out):
        return f"a call that has no answer after {TIMEOUT / 60:.0f} minutes is given up"
    if out > result.throttled:
        return "the server was out for longer than they take"
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


def _slow(result: Result, simulation: Simulation, refusals: Counter[str]) -> str:
    """First what holds for all, then what each does; empty where nothing of it explains it."""
    scenario, name, end = simulation.scenario, result.algorithm, result.makespan_s
    out = any(outage.start < end for outage in scenario.outages)
    if _places_bind(result, simulation, refusals):
        max_in_flight = simulation.concurrency
        return f"no more than {max_in_flight:,} {'call' if max_in_flight == 1 else 'calls'} may be under way at a time"
    if any(tenant.start < end for tenant in scenario.tenants):
        return "others take a part of the quota"
    if name in _TOLD and any(change.at < end and change.factor > 1 for change in scenario.changes):
        return _MORE_SINCE
    if out and name.startswith("bedrock-batch"):
        return "after an outage it goes on late"
    return _SLOW.get(name) or _slow_at(result, simulation) or (_COMES_LATE if out else "")


def _places_bind(result: Result, simulation: Simulation, refusals: Counter[str]) -> bool:
    """Whether the limit of calls in flight explains most of the time above the ideal."""
    world, max_in_flight = simulation.scenario.world, simulation.concurrency
    mean_latency = min(TIMEOUT, world.latency * math.exp(world.sigma**2 / 2))  # of a lognormal distribution
    calls = result.calls - result.throttled - refusals["unavailable"]
    least = max(0, calls - max_in_flight) * mean_latency / max_in_flight
    return least > (result.makespan_s + result.ideal_s) / 2


def _slow_at(result: Result, simulation: Simulation) -> str:
    """What this algorithm does at a server like this one, most telling first; empty if nothing of it is slow."""
    rules, name = simulation.scenario.rules, result.algorithm
    if rules.tpm and name == "bedrock-batch":
        return _UNUSED
    if rules.tpm and name in _TOLD:
        return _RESERVES
    if result.throttle_rate >= THROTTLED and name in _GATEWAYS:
        return _STAYS_AWAY
    if result.throttle_rate >= THROTTLED and name in _TOLD and name != "bedrock-batch":
        return _BACKS_OFF
    if name == "leaky-bucket" or (rules.refill != "bucket" and name in ("token-bucket", "bedrock-batch")):
        return _EVENLY
    return _OTHERWISE if rules.refill != "bucket" and _REFUSED[name] == _AT_ONCE else ""
