"""The figures of a run, counted in one pass over the server's ledger (pure)."""

import math
from array import array
from collections import defaultdict
from dataclasses import dataclass, field

from jobs.record.protocol import Status
from jobs.simulation.engine_run import Run
from jobs.simulation.fairness import fairness
from jobs.simulation.measures import ideal_makespan, lost, minutes_of_quota, quantile
from jobs.simulation.result import Result
from jobs.simulation.scenario import MINUTE, quota_minutes


@dataclass(slots=True)
class _Admitted:
    requests: int = 0
    tokens: float = 0.0


@dataclass(slots=True)
class _Tally:
    calls: int
    throttled: int
    largest: float
    """Minutes of quota that the largest section takes."""
    first_sent: float = math.inf
    last_admitted: float = 0.0
    last_arrival: float = 0.0
    """When the last of the admitted requests arrived at the client."""
    total: _Admitted = field(default_factory=_Admitted)
    by_minute: dict[int, _Admitted] = field(default_factory=lambda: defaultdict(_Admitted))
    waits: "array[float]" = field(default_factory=lambda: array("d"))


def summarise(algorithm: str, run: Run) -> Result:
    tally = _count(run)
    waits = sorted(tally.waits)
    return Result(
        algorithm=algorithm,
        served=tally.total.requests if run.timed else run.statuses[Status.OK],
        calls=tally.calls,
        throttled=tally.throttled,
        throttle_rate=tally.throttled / max(1, tally.calls),
        utilisation=_utilisation(run, tally),
        makespan_s=tally.last_admitted,
        ideal_s=_ideal(run, tally),
        wait_p50_s=quantile(waits, 0.5),
        wait_p95_s=quantile(waits, 0.95),
        worst_minute=_lowest_minute(run, tally),
        fairness=fairness(run),
        lost=lost(run),
    )


def _count(run: Run) -> _Tally:
    arrived, end, gateway = run.workload.arrived, run.seconds, run.gateway_throttles
    tally = _Tally(calls=len(gateway), throttled=len(gateway), largest=_largest(run))
    for call in run.server.calls:
        if call.arrived > end:
            break
        tally.calls += 1
        tally.first_sent = min(tally.first_sent, call.sent)
        if call.error:
            tally.throttled += call.throttled
            continue
        tokens = call.tokens(end)
        for amount in (tally.total, tally.by_minute[int(call.arrived // MINUTE)]):
            amount.requests += 1
            amount.tokens += tokens
        tally.last_admitted, tally.last_arrival = call.arrived, max(tally.last_arrival, arrived[call.unit])
        tally.waits.append(call.arrived - arrived[call.unit])
    tally.first_sent = min(tally.first_sent, *gateway[:1], tally.last_admitted)
    return tally


def _largest(run: Run) -> float:
    rules, sizes = run.scenario.rules, zip(run.workload.inputs, run.workload.outputs, strict=True)
    return minutes_of_quota(rules, 1, max((tokens + answer * rules.burndown for tokens, answer in sizes), default=0.0))


def _utilisation(run: Run, tally: _Tally) -> float:
    """Over at least one burst (that fits the largest call) or one window: the server admits as much at once."""
    rules = run.scenario.rules
    min_seconds = max(min(rules.burst, MINUTE), tally.largest * MINUTE) if rules.refill == "bucket" else MINUTE
    used = minutes_of_quota(rules, tally.total.requests, tally.total.tokens)
    end = max(tally.last_admitted, tally.first_sent + min_seconds)
    return used / quota_minutes(run.scenario, tally.first_sent, end)


def _lowest_minute(run: Run, tally: _Tally) -> float:
    shares = []
    for minute in range(int(tally.last_admitted // MINUTE)):
        amount = tally.by_minute[minute]
        used = minutes_of_quota(run.scenario.rules, amount.requests, amount.tokens)
        shares.append(used / quota_minutes(run.scenario, minute * MINUTE, (minute + 1) * MINUTE))
    return min(shares, default=1.0)


def _ideal(run: Run, tally: _Tally) -> float:
    """For all requests; in a timed run, for the admitted ones."""
    workload = run.workload
    if run.timed:
        return ideal_makespan(run, tally.total.requests, tally.total.tokens, tally.last_arrival, tally.largest)
    tokens = sum(workload.inputs) + sum(workload.outputs) * run.scenario.rules.burndown
    return ideal_makespan(run, len(workload.inputs), tokens, max(workload.arrived, default=0.0), tally.largest)
