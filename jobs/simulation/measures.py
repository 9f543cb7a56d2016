"""What a run was worth, from the server's ledger (pure). A call counts as of the time at which it arrived.

What calls take is told in *minutes of quota*: 30 calls of 60 rpm are half a minute. Of several quotas the one that
binds counts; tokens are what was settled, or is still reserved.
"""

import math
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise

from jobs.emulator.quotas import QuotaRules
from jobs.record.protocol import Status
from jobs.simulation.engine_run import Run
from jobs.simulation.ledger import Call
from jobs.simulation.scenario import MINUTE, Scenario


def admitted(calls: Iterable[Call], start: float = 0.0, end: float = math.inf) -> list[Call]:
    """The calls that were let in from `start` until before `end`."""
    return list(_admitted(calls, start, end))


def _admitted(calls: Iterable[Call], start: float, end: float) -> Iterator[Call]:
    """The same one by one: a million of them are not to be held at once."""
    return (call for call in calls if not call.refused and start <= call.arrived < end)


def throttle_rate(run: Run) -> float:
    """Of all calls, the part that was refused for a quota."""
    throttled = Counter(call.throttled for call in run.server.calls if call.arrived < run.seconds)
    return throttled[True] / max(1, throttled.total())


def lost(run: Run) -> int:
    """Units that will have no answer; those that the end of a timed run found waiting are not lost."""
    return sum(run.statuses.values()) - run.statuses[Status.OK] - run.statuses[Status.NEW]


def utilisation(run: Run, start: float = 0.0, end: float = math.inf) -> float:
    """Of what a client that knows everything could have had admitted, the part that was; other tenants' subtracted.

    Over a part of a run from `start` > 0, a bucket is taken to be empty when it begins.
    """
    end = min(end, run.seconds)
    rules, work, ours = run.scenario.rules, run.work, _admitted(run.server.calls, start, end)
    # Where mixes follow one another, another quota may bind with each; where documents are open side by side, one does.
    if work.documents == 1 and len(work.mixes) > 1:
        blocks = groupby(sorted(ours, key=lambda call: call.unit), lambda call: work.mix(call.unit))
        used = sum(minutes(rules, block, end) for _, block in blocks)
    else:
        used = minutes(rules, ours, end)
    others = minutes(rules, _admitted(run.server.others, start, end), end)
    return used / (available(run.scenario, run.server.phase, start, end) - others)


def available(scenario: Scenario, phase: float, start: float, end: float, one: float = 0.0) -> float:
    """Minutes of the quota (as it is at first) that are to be had between two times, outages left out.

    A call of `one` minute of it passes a full bucket that holds less.

    A bucket: its rate times the time, and what it holds if `start` is 0 and after an outage. Windows: a whole quota
    for each one touched, the largest in force during it; windows that slide are counted from `start`.
    """
    rules = scenario.rules
    inner = {change.at for change in scenario.changes}.union(*((out.start, out.end) for out in scenario.outages))
    edges = [start, *sorted(edge for edge in inner if start < edge < end), end]
    pieces = [(low, high, 0.0 if scenario.out(low) else scenario.factor(low)) for low, high in pairwise(edges)]
    if rules.refill == "bucket":
        holds = max(min(rules.burst, MINUTE), one * MINUTE)
        held = 0.0 if start or scenario.out(0.0) else holds
        for out in scenario.outages:  # it was empty, unless nobody could call before
            if out.end < end:
                held += (min(holds, out.end - out.start) if out.start > 0.0 else holds) * scenario.factor(out.end)
        return (held + sum((high - low) * factor for low, high, factor in pieces)) / MINUTE
    ahead = -start if rules.refill == "sliding" else phase
    largest: dict[int, float] = {}
    for low, high, factor in pieces:
        for window in range(math.floor((low + ahead) / MINUTE), math.ceil((high + ahead) / MINUTE)):
            largest[window] = max(factor, largest.get(window, 0.0))
    return sum(largest.values())


def minutes(rules: QuotaRules, calls: Iterable[Call], end: float = math.inf) -> float:
    """Minutes of the quota that binds, which calls took until `end`."""
    requests, tokens = 0, 0.0
    for call in calls:
        requests += 1
        tokens += call.tokens(end)
    return taken(rules, requests, tokens)


def taken(rules: QuotaRules, requests: float, tokens: float) -> float:
    """Minutes of the quota that binds, which so much takes."""
    return max(requests / rules.rpm if rules.rpm else 0.0, tokens / rules.tpm if rules.tpm else 0.0)


def reached(run: Run, part: float = 0.9, start: float = 0.0) -> float:
    """Seconds after `start` from when on, for the length of a window, `part` of the quota was used; inf: never.

    The window is 20 s, or ten calls' worth where that is more; a minute where the quota is one of whole minutes.
    """
    rules = run.scenario.rules
    calls = admitted(run.server.calls, start, run.seconds)
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
        if used >= part * run.scenario.factor(call.arrived) * window / MINUTE:
            return max(0.0, call.arrived - window - start)
    return math.inf


def quantile(ordered: Sequence[float], part: float) -> float:
    """The value that `part` of them do not exceed (nearest rank); 0.0 of none."""
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)] if ordered else 0.0


def jain(shares: Sequence[float]) -> float:
    """How evenly something is shared: 1 evenly, 1/n if one has it all.

    Source: R. Jain, D. Chiu, W. Hawe, "A quantitative measure of fairness and discrimination", DEC-TR-301, 1984.
    """
    squares = sum(share * share for share in shares)
    return sum(shares) ** 2 / (len(shares) * squares) if squares else 1.0
