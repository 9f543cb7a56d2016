"""Measures of a simulated run by which the tests and benchmarks judge the rate engine."""

import math
from collections import Counter, deque
from collections.abc import Iterable
from itertools import groupby

from alternating_workload import AlternatingWorkload

from jobs.emulator.quotas import QuotaRules
from jobs.simulation.engine_run import Run
from jobs.simulation.ledger import SimulatedCall
from jobs.simulation.measures import admitted, available, minutes_of_quota
from jobs.simulation.scenario import MINUTE


def throttle_rate(run: Run) -> float:
    """Throttled calls / calls."""
    throttled = Counter(call.throttled for call in run.server.calls if call.arrived < run.seconds)
    return throttled[True] / max(1, throttled.total())


def utilisation(run: Run, start: float = 0.0, end: float = math.inf) -> float:
    """Admitted calls / what an ideal client could have had admitted, without the share of other tenants.

    From `start` > 0 on, a bucket is taken to be empty at `start`.
    """
    end = min(end, run.seconds)
    rules, workload, ours = run.scenario.rules, run.workload, admitted(run.server.calls, start, end)
    if isinstance(workload, AlternatingWorkload):
        mixes, block = len(workload.mixes), workload.block
        blocks = groupby(sorted(ours, key=lambda call: call.unit), lambda call: call.unit // block % mixes)
        used = sum(minutes(rules, block, end) for _, block in blocks)
    else:
        used = minutes(rules, ours, end)
    others = minutes(rules, admitted(run.server.tenant_calls, start, end), end)
    return used / (available(run.scenario, run.server.phase, start, end) - others)


def seconds_to_utilisation(run: Run, fraction: float = 0.9, start: float = 0.0) -> float:
    """Seconds after `start` until `fraction` of the quota was used for the length of a window; inf: never.

    The window is 20 s, or ten calls' worth if that is longer; a minute unless the quota is a token bucket.
    """
    rules = run.scenario.rules
    calls = list(admitted(run.server.calls, start, run.seconds))
    each = minutes(rules, calls, run.seconds) / max(1, len(calls))
    window = max(20.0, 10 * each * MINUTE) if rules.refill == "bucket" else MINUTE
    inside: deque[tuple[float, float]] = deque()
    used = 0.0
    for call in calls:
        taken = minutes(rules, (call,), run.seconds)
        inside.append((call.arrived, taken))
        used += taken
        while inside[0][0] <= call.arrived - window:
            used -= inside.popleft()[1]
        if used >= fraction * run.scenario.factor(call.arrived) * window / MINUTE:
            return max(0.0, call.arrived - window - start)
    return math.inf


def minutes(rules: QuotaRules, calls: Iterable[SimulatedCall], end: float = math.inf) -> float:
    """Minutes of the binding quota that the calls took until `end`."""
    requests, tokens = 0, 0.0
    for call in calls:
        requests += 1
        tokens += call.tokens(end)
    return minutes_of_quota(rules, requests, tokens)
