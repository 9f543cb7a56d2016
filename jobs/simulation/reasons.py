"""Explains bad figures in words (pure)."""

import math
from collections import Counter
from collections.abc import Mapping
from typing import Final

from jobs.simulation.baseline_client import BACKOFF_CAP, CALL_TIMEOUT, MAX_ATTEMPTS
from jobs.simulation.experiment import Experiment
from jobs.simulation.ledger import UNAVAILABLE
from jobs.simulation.result import Result

MIN_BAD_THROTTLE_RATE, MIN_BAD_SLOWDOWN, MIN_BAD_DELAY, MAX_BAD_FAIRNESS = 0.02, 1.15, 2.0, 0.9
"""A figure is bad from these on; slowdown and delay (seconds) are relative to the ideal makespan."""

_WHOLE_WINDOW = "it sends a whole window at once"
_JITTER = "network jitter moves calls closer together than the quota refills"
_RETRY_TOGETHER = "and all of them retry at the same time"

_THROTTLED: Final[Mapping[str, str]] = {
    "none": "it sends calls without a limit and retries immediately",
    "fixed-window": _WHOLE_WINDOW,
    "sliding-log": _WHOLE_WINDOW,
    "sliding-counter": _WHOLE_WINDOW,
    "token-bucket": _JITTER,
    "leaky-bucket": _JITTER,
    "adaptive": "it finds the rate by getting throttled, and halves it each time",
    "botocore-adaptive": "it finds the rate by getting throttled, and never stops probing",
    "nginx": f"it throttles calls more than a second ahead of its rate, {_RETRY_TOGETHER}",
    "kong": "all throttled requests retry at the start of its next minute",
    "kong-sliding": "it counts throttled calls as well, so retries keep the limit exceeded",
    "api-gateway": f"it throttles calls ahead of its rate, {_RETRY_TOGETHER}",
    "bedrock-batch": _JITTER,
    "bedrock-batch-auto": "it learns the quota from throttles",
}
"""Why calls are throttled, unless the scenario explains it."""
_CONFIGURED: Final = frozenset(
    {"fixed-window", "sliding-log", "sliding-counter", "token-bucket", "leaky-bucket", "bedrock-batch"}
)
"""Algorithms that keep to a configured quota."""
_GATEWAYS: Final = frozenset({"nginx", "kong", "kong-sliding", "api-gateway"})

_BACKOFF = "throttled requests back off while quota goes unused"
_SLOW: Final[Mapping[str, str]] = {
    "adaptive": "it starts at 1 call/s, speeds up by 10% after 100 answers, and halves at each throttle",
    "botocore-adaptive": _BACKOFF,
    "bedrock-batch-auto": "it starts slowly, as it has to learn the quota first",
}
"""Why an algorithm is slow on any server."""


def explain(result: Result, experiment: Experiment, errors: Counter[str]) -> str:
    """What is bad about a result and why; empty if nothing is. `errors`: calls by jobs.simulation.ledger.ERRORS."""
    findings = []
    if result.lost:
        requests = "1 request" if result.lost == 1 else f"{result.lost:,} requests"
        findings.append(f"{requests} gave up after {MAX_ATTEMPTS} attempts: {_why_lost(result, experiment, errors)}")
    elif result.throttle_rate >= MIN_BAD_THROTTLE_RATE:
        findings.append(f"{result.throttle_rate:.0%} of calls throttled: {_why_throttled(result, experiment, errors)}")
    delay = result.makespan_s - result.ideal_s
    if not result.lost and result.makespan_s > MIN_BAD_SLOWDOWN * result.ideal_s and delay > MIN_BAD_DELAY:
        reason = _why_slow(result, experiment, errors)
        findings.append(f"{_slowdown(result)}: {reason}" if reason else _slowdown(result))
    if not findings and result.fairness < MAX_BAD_FAIRNESS and not result.algorithm.startswith("bedrock-batch"):
        findings.append("first come, first served: the user with the most requests gets most of the quota")
    return "; ".join(findings)


def _slowdown(result: Result) -> str:
    if result.ideal_s < 1:  # a ratio would mean nothing
        return f"{result.makespan_s:,.0f} s instead of less than a second"
    return f"{result.makespan_s / result.ideal_s:.1f} times the ideal time"


def _why_lost(result: Result, experiment: Experiment, errors: Counter[str]) -> str:
    """The most frequent reason of failed attempts."""
    unavailable = errors[UNAVAILABLE]
    # Timeouts are not counted. Calls in flight at the end of a timed run are among those served: hence two bounds.
    timeouts = max(result.calls - result.served, result.lost * MAX_ATTEMPTS) - result.throttled - unavailable
    if timeouts > max(result.throttled, unavailable):
        return f"calls time out after {CALL_TIMEOUT / 60:.0f} minutes"
    if unavailable > result.throttled:
        return "the outage outlasts all attempts"
    return _why_throttled(result, experiment, errors)


def _why_throttled(result: Result, experiment: Experiment, errors: Counter[str]) -> str:
    if result.algorithm in _CONFIGURED:
        if any(change.factor < 1 for change in experiment.scenario.changes):
            return "the quota is now lower than configured"
        if experiment.scenario.tenants:
            return "other tenants use part of the configured quota"
        if errors["tokens"] > errors["requests"] and _THROTTLED[result.algorithm] != _WHOLE_WINDOW:
            return "sections have more tokens than estimated from their length"
    return _THROTTLED[result.algorithm]


def _why_slow(result: Result, experiment: Experiment, errors: Counter[str]) -> str:
    """Reasons of the experiment first, then those of the algorithm; empty if none applies."""
    scenario, name, end = experiment.scenario, result.algorithm, result.makespan_s
    outage = any(outage.start < end for outage in scenario.outages)
    if _concurrency_binds(result, experiment, errors):
        calls = "call" if experiment.concurrency == 1 else "calls"
        return f"at most {experiment.concurrency:,} {calls} may be in flight (--concurrency)"
    if any(tenant.start < end for tenant in scenario.tenants):
        return "other tenants use part of the quota"
    if name in _CONFIGURED and any(change.at < end and change.factor > 1 for change in scenario.changes):
        return "it keeps to the configured quota, and the quota is now higher"
    if outage and name.startswith("bedrock-batch"):
        return "it resumes some time after the outage"
    late_retry = f"requests that fail in an outage back off for up to {BACKOFF_CAP:.0f} s" if outage else ""
    return _SLOW.get(name) or _why_slow_on_server(result, experiment) or late_retry


def _concurrency_binds(result: Result, experiment: Experiment, errors: Counter[str]) -> bool:
    """Whether max in flight explains most of the time above the ideal."""
    timing, max_in_flight = experiment.scenario.timing, experiment.concurrency
    mean_latency = min(CALL_TIMEOUT, timing.latency * math.exp(timing.sigma**2 / 2))  # lognormal distribution
    calls = result.calls - result.throttled - errors[UNAVAILABLE]
    min_seconds = max(0, calls - max_in_flight) * mean_latency / max_in_flight
    return min_seconds > (result.makespan_s + result.ideal_s) / 2


def _why_slow_on_server(result: Result, experiment: Experiment) -> str:
    """Why an algorithm is slow with this server's quotas, most specific first; empty if it is not."""
    rules, name = experiment.scenario.rules, result.algorithm
    throttled = result.throttle_rate >= MIN_BAD_THROTTLE_RATE
    if rules.tpm and name == "bedrock-batch":
        return "tokens reserved for maxTokens are refunded only when the answer arrives"
    if rules.tpm and name in _CONFIGURED:
        return "it reserves maxTokens of the token quota for each call and refunds nothing"
    if throttled and name in _GATEWAYS:
        return "throttled requests wait for Retry-After while quota goes unused"
    if throttled and name in _CONFIGURED and name != "bedrock-batch":
        return _BACKOFF
    if name == "leaky-bucket" or (rules.refill != "bucket" and name in ("token-bucket", "bedrock-batch")):
        return "it spreads calls evenly, where the server would admit a burst"
    if rules.refill != "bucket" and _THROTTLED[name] == _WHOLE_WINDOW:
        return "its window differs from the server's"
    return ""
