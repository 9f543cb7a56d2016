"""The figures of a run, counted in one pass over the server's ledger (pure)."""

import math
from array import array
from collections import defaultdict
from dataclasses import dataclass, field

from jobs.record.protocol import Status
from jobs.simulation.engine_run import Run
from jobs.simulation.fairness import fairness
from jobs.simulation.ideal import ideal
from jobs.simulation.measures import lost, quantile, taken
from jobs.simulation.result import Result
from jobs.simulation.scenario import MINUTE, quota_minutes


@dataclass(slots=True)
class _Amount:
    """Calls that were admitted, and their tokens."""

    requests: int = 0
    tokens: float = 0.0


@dataclass(slots=True)
class _Tally:
    calls: int = 0
    throttled: int = 0
    first: float = 0.0
    """When the first call was sent."""
    last: float = 0.0
    """When the last one was admitted."""
    one: float = 0.0
    """Minutes of the quota that the largest section takes."""
    arrived: float = 0.0
    """When the last of the requests came that were admitted."""
    all: _Amount = field(default_factory=_Amount)
    minutes: dict[int, _Amount] = field(default_factory=lambda: defaultdict(_Amount))
    waits: "array[float]" = field(default_factory=lambda: array("d"))


def result(algorithm: str, run: Run) -> Result:
    """What `simulate` says of a run."""
    tally = _count(run)
    # Those under way at the end of a timed run will be answered.
    served = tally.all.requests if run.cut else run.statuses[Status.OK]
    waits = sorted(tally.waits)
    return Result(
        algorithm=algorithm,
        served=served,
        calls=tally.calls,
        throttled=tally.throttled,
        throttle_rate=tally.throttled / max(1, tally.calls),
        utilisation=_utilisation(run, tally),
        makespan_s=tally.last,
        ideal_s=_ideal(run, tally),
        wait_p50_s=quantile(waits, 0.5),
        wait_p95_s=quantile(waits, 0.95),
        worst_minute=_worst_minute(run, tally),
        fairness=fairness(run),
        lost=lost(run),
    )


def _count(run: Run) -> _Tally:
    offered, end = run.work.offered, run.seconds
    tally = _Tally(calls=len(run.turned_away), throttled=len(run.turned_away), first=math.inf, one=_one(run))
    for call in run.server.calls:
        if call.arrived > end:
            break
        tally.calls += 1
        tally.first = min(tally.first, call.sent)
        if call.refused:
            tally.throttled += call.throttled
            continue
        tokens = call.tokens(end)
        for amount in (tally.all, tally.minutes[int(call.arrived // MINUTE)]):
            amount.requests += 1
            amount.tokens += tokens
        tally.last, tally.arrived = call.arrived, max(tally.arrived, offered[call.unit])
        tally.waits.append(call.arrived - offered[call.unit])
    tally.first = min(tally.first, *run.turned_away[:1], tally.last)
    return tally


def _one(run: Run) -> float:
    rules, sizes = run.scenario.rules, zip(run.work.inputs, run.work.outputs, strict=True)
    return taken(rules, 1, max((given + back * rules.burndown for given, back in sizes), default=0.0))


def _utilisation(run: Run, tally: _Tally) -> float:
    """What comes at once is measured by what the server lets in at once: a bucket, but at least a call, or a window."""
    rules = run.scenario.rules
    at_once = max(min(rules.burst, MINUTE), tally.one * MINUTE) if rules.refill == "bucket" else MINUTE
    used = taken(rules, tally.all.requests, tally.all.tokens)
    return used / quota_minutes(run.scenario, tally.first, max(tally.last, tally.first + at_once))


def _worst_minute(run: Run, tally: _Tally) -> float:
    shares = []
    for minute in range(int(tally.last // MINUTE)):
        amount = tally.minutes[minute]
        used = taken(run.scenario.rules, amount.requests, amount.tokens)
        shares.append(used / quota_minutes(run.scenario, minute * MINUTE, (minute + 1) * MINUTE))
    return min(shares, default=1.0)


def _ideal(run: Run, tally: _Tally) -> float:
    """For all requests of the work; for those that were admitted, where the time ended it."""
    work = run.work
    if run.cut:
        return ideal(run, tally.all.requests, tally.all.tokens, tally.arrived, tally.one)
    tokens = sum(work.inputs) + sum(work.outputs) * run.scenario.rules.burndown
    return ideal(run, len(work.inputs), tokens, max(work.offered, default=0.0), tally.one)
