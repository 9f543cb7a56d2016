"""The settings of `analyze` for a quota and its documents, and what they bring."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from heapq import heappop, heappush

from jobs.simulation.engine_run import Run
from jobs.simulation.experiment import Simulation
from jobs.simulation.measures import admitted, minutes
from jobs.simulation.result import Result
from jobs.simulation.scenario import MINUTE
from jobs.simulation.tally import result

ROOM = 1.25
"""Over what was seen, for answers that are longer and calls that take longer than any so far."""
_STEP = 64
"""maxTokens is recommended in multiples of it."""


@dataclass(frozen=True, slots=True)
class Recommendation:
    """Settings, and the figures of a run with them."""

    rpm: float | None
    tpm: float | None
    burst: float
    """Seconds' worth of the quota that may be taken at once."""
    max_tokens: int
    concurrency: int
    before: Result
    """With the settings as they were."""
    after: Result
    timed: bool = False
    """Whether both ended with their time, and what they served in it is what differs."""

    @property
    def faster(self) -> float:
        """How many times as much is answered in the same time; never less than 1."""
        before, after = self.before, self.after
        if self.timed:
            return max(1.0, after.served / before.served)
        return before.makespan_s / after.makespan_s if 0.0 < after.makespan_s < before.makespan_s else 1.0

    @property
    def options(self) -> str:
        """As they stand on a command line; what is the default there is left out."""
        quotas = [f"--{name} {quota:.12g}" for name, quota in (("rpm", self.rpm), ("tpm", self.tpm)) if quota]
        burst = [f"--burst {self.burst:g}s"] if self.burst != 1.0 else []
        return " ".join((*quotas, *burst, f"--max-tokens {self.max_tokens}", f"--concurrency {self.concurrency}"))


def recommend(
    simulation: Simulation, done: Run, before: Result, again: Callable[[Simulation], Run]
) -> Recommendation | None:
    """From a run of the real engine that was told the quota; `again` runs it with other settings.

    `--max-tokens`: the longest answer that was seen, with some room, where that is less than it was; what a call
    reserves and does not use cannot be used by others meanwhile. `--concurrency`: the most calls that were in flight
    at a time, with some room; where they took all max_in_flight, as many as the quota keeps in flight (Little's law).
    Where that brings nothing, the settings are those that there were. None where requests were lost, or none was
    answered.
    """
    if before.lost or not before.served:
        return None
    rules = simulation.scenario.rules
    shorter = _rounded_up(max(done.work.outputs, default=1) * ROOM, _STEP)
    max_tokens, after, most = min(simulation.max_tokens, shorter), before, most_in_flight(done)
    full = most >= simulation.concurrency
    wanted = _with_room(_allowed_a_second(done) * _mean_latency(done)) if full else 0
    better = replace(simulation, max_tokens=max_tokens, concurrency=max(simulation.concurrency, wanted))
    # Without a quota in tokens maxTokens changes nothing.
    if full or (rules.tpm is not None and max_tokens < simulation.max_tokens):
        run = again(better)
        after = result(before.algorithm, run)
        if _worse(after, before, timed=simulation.duration is not None):
            max_tokens, after = simulation.max_tokens, before
        else:
            most = most_in_flight(run)
    burst = rules.burst if rules.refill == "bucket" else 1.0
    return Recommendation(
        rules.rpm, rules.tpm, burst, max_tokens, min(_with_room(most), better.concurrency), before, after,
        timed=simulation.duration is not None,
    )  # fmt: skip


def _worse(after: Result, before: Result, *, timed: bool) -> bool:
    if timed or after.served != before.served:
        return after.served < before.served
    return after.makespan_s > before.makespan_s


def _with_room(calls: float) -> int:
    return max(1, math.ceil(calls * ROOM))


def _allowed_a_second(run: Run) -> float:
    """Calls, by the quota that binds."""
    calls = admitted(run.server.calls)
    return len(calls) / (minutes(run.scenario.rules, calls) * MINUTE)


def _mean_latency(run: Run) -> float:
    ended = [call.ended - call.sent for call in run.server.calls if call.ended < math.inf]
    return sum(ended) / max(1, len(ended))


def most_in_flight(run: Run) -> int:
    """Calls that were under way at the same time, at most; refused ones come back too soon to matter."""
    ends: list[float] = []
    """Of the calls under way, the next one first."""
    most = 0
    for call in run.server.calls:
        if not call.refused:
            while ends and ends[0] <= call.arrived:
                heappop(ends)
            heappush(ends, call.ended)
            most = max(most, len(ends))
    return most


def _rounded_up(number: float, step: int) -> int:
    return math.ceil(number / step) * step
