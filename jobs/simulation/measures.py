"""Measures that several figures share (pure).

Usage is measured in *minutes of quota*: 30 calls at 60 rpm are half a minute. With several quotas the binding one
counts.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from jobs.emulator.quotas import QuotaRules
from jobs.record.protocol import Status
from jobs.simulation.engine_run import Run
from jobs.simulation.ledger import SimulatedCall
from jobs.simulation.scenario import MINUTE, Scenario


def admitted(calls: Iterable[SimulatedCall], start: float = 0.0, end: float = math.inf) -> Iterator[SimulatedCall]:
    """The admitted calls that arrived in [start, end)."""
    return (call for call in calls if not call.error and start <= call.arrived < end)


def lost(run: Run) -> int:
    """Units that will not be answered; units still waiting at the end of a timed run do not count."""
    return run.statuses.total() - run.statuses[Status.OK] - run.statuses[Status.NEW]


def available(scenario: Scenario, phase: float, start: float, end: float, largest: float = 0.0) -> float:
    """Minutes of the initial quota that the server can admit between two times, outages excluded.

    A bucket: its refill, plus its content at 0 and after each outage; with `start` > 0 it begins empty. A call of
    `largest` minutes of quota fits into a full bucket, however small the bucket is. Windows: a whole quota for each
    window touched, at the highest quota in force during it; sliding windows are counted from `start`.
    """
    rules = scenario.rules
    inner = {change.at for change in scenario.changes}.union(*((out.start, out.end) for out in scenario.outages))
    edges = [start, *sorted(edge for edge in inner if start < edge < end), end]
    pieces = [(low, high, 0.0 if scenario.is_out(low) else scenario.factor(low)) for low, high in pairwise(edges)]
    if rules.refill == "bucket":
        capacity = max(min(rules.burst, MINUTE), largest * MINUTE)
        content = 0.0 if start or scenario.is_out(0.0) else capacity
        for out in scenario.outages:  # the bucket was empty, except in an outage from the start
            if out.end < end:
                refill = min(capacity, out.end - out.start) if out.start > 0.0 else capacity
                content += refill * scenario.factor(out.end)
        return (content + sum((high - low) * factor for low, high, factor in pieces)) / MINUTE
    offset = -start if rules.refill == "sliding" else phase
    factors: dict[int, float] = {}
    for low, high, factor in pieces:
        for window in range(math.floor((low + offset) / MINUTE), math.ceil((high + offset) / MINUTE)):
            factors[window] = max(factor, factors.get(window, 0.0))
    return sum(factors.values())


def minutes_of_quota(rules: QuotaRules, requests: float, tokens: float) -> float:
    """What this many requests and tokens take from the binding quota."""
    return max(requests / rules.rpm if rules.rpm else 0.0, tokens / rules.tpm if rules.tpm else 0.0)


def ideal_makespan(run: Run, requests: int, tokens: float, last_arrival: float, largest: float = 0.0) -> float:
    """Seconds until an ideal client, which knows the server's state, has this many requests and tokens admitted.

    A lower bound: tokens count as used in the end, not as reserved, and the largest call (`largest` minutes of the
    quota) fits into a full bucket, however small the bucket is.
    """
    used = minutes_of_quota(run.scenario.rules, requests, tokens)

    def suffices(time: float) -> bool:
        return available(run.scenario, run.server.phase, 0.0, time, largest) >= used * (1 - 1e-9)

    low, high = 0.0, last_arrival + MINUTE
    while not suffices(high):
        low, high = high, 2 * high
    for _ in range(50):
        middle = (low + high) / 2
        if suffices(middle):
            high = middle
        else:
            low = middle
    return max(high, last_arrival)


def quantile(ordered: Sequence[float], fraction: float) -> float:
    """The value that `fraction` of the sorted values do not exceed (nearest rank); 0.0 for an empty sequence."""
    return ordered[max(0, math.ceil(fraction * len(ordered)) - 1)] if ordered else 0.0


def jain(shares: Sequence[float]) -> float:
    """Jain's fairness index: 1 if all shares are equal, 1/n if one of n has everything.

    Source: R. Jain, D. Chiu, W. Hawe, "A quantitative measure of fairness and discrimination", DEC-TR-301, 1984.
    """
    squares = sum(share * share for share in shares)
    return sum(shares) ** 2 / (len(shares) * squares) if squares else 1.0
