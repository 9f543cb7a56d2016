"""The settings of `analyze` for a quota and its documents, and what they bring."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from heapq import heappop, heappush

from jobs.simulation.result import Result
from jobs.simulation.run import Run
from jobs.simulation.simulation import Simulation
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
    max_tokens: int
    concurrency: int
    before: Result
    """With the settings as they were."""
    after: Result

    @property
    def options(self) -> str:
        """As they stand on a command line."""
        quotas = [f"--{name} {quota:.12g}" for name, quota in (("rpm", self.rpm), ("tpm", self.tpm)) if quota]
        return " ".join((*quotas, f"--max-tokens {self.max_tokens}", f"--concurrency {self.concurrency}"))


def recommend(simulation: Simulation, done: Run, again: Callable[[Simulation], Run]) -> Recommendation:
    """From a run of the real engine that was told the quota; `again` runs it with other settings.

    `--max-tokens`: the longest answer that was seen, with some room, where that is less than it was; what a call
    reserves and does not use cannot be used by others meanwhile. `--concurrency`: the most calls that were in flight
    at a time, with some room.
    """
    rules = simulation.scenario.rules
    before = result("bedrock-batch", done)
    max_tokens = min(simulation.max_tokens, _rounded_up(max(done.work.outputs, default=1) * ROOM, _STEP))
    concurrency = max(1, math.ceil(most_in_flight(done) * ROOM))
    better = replace(simulation, max_tokens=max_tokens, concurrency=concurrency)
    # Without a quota in tokens maxTokens changes nothing, and the places were seen to be enough.
    shorter = rules.tpm is not None and max_tokens < simulation.max_tokens
    after = result("bedrock-batch", again(better)) if shorter else before
    return Recommendation(rules.rpm, rules.tpm, max_tokens, concurrency, before, after)


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
