"""Settings of `analyze` for the simulated quota and documents, and what they gain."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from heapq import heappop, heappush

from jobs.emulator.quotas import QuotaRules
from jobs.simulation.engine_run import Run
from jobs.simulation.experiment import Experiment
from jobs.simulation.measures import minutes_of_quota
from jobs.simulation.result import Result
from jobs.simulation.scenario import MINUTE
from jobs.simulation.tally import summarise

HEADROOM = 1.25
"""Factor for answers and calls longer than any in the simulation."""
MAX_TOKENS_STEP = 64
"""maxTokens is recommended in multiples of this."""


@dataclass(frozen=True, slots=True)
class Recommendation:
    rules: QuotaRules
    max_tokens: int
    concurrency: int
    before: Result
    after: Result
    timed: bool = False
    """Whether both are timed runs, to be compared by what they served."""

    @property
    def speedup(self) -> float:
        """Throughput with the settings relative to before; at least 1."""
        before, after = self.before, self.after
        if self.timed:
            return max(1.0, after.served / before.served)
        return before.makespan_s / after.makespan_s if 0.0 < after.makespan_s < before.makespan_s else 1.0

    @property
    def options(self) -> str:
        """The settings as command-line options, without defaults."""
        rules = self.rules
        quotas = [f"--{name} {quota:.12g}" for name, quota in (("rpm", rules.rpm), ("tpm", rules.tpm)) if quota]
        burst = [f"--burst {rules.burst:g}s"] if rules.refill == "bucket" and rules.burst != 1.0 else []
        return " ".join((*quotas, *burst, f"--max-tokens {self.max_tokens}", f"--concurrency {self.concurrency}"))


def recommend(
    experiment: Experiment, done: Run, before: Result, rerun: Callable[[Experiment], Run]
) -> Recommendation | None:
    """From a run of the real engine with the quota configured; `rerun` repeats it with other settings.

    `--max-tokens`: the longest answer plus headroom, if that is lower; unused reserved tokens block other calls.
    `--concurrency`: the maximum of calls in flight plus headroom; if all slots were in use, what the quota keeps in
    flight (Little's law). Settings that gain nothing stay as they were. None if requests were lost or none was served.
    """
    if before.lost or not before.served:
        return None

    def figures(result: Result) -> tuple[int, float]:
        return result.served, 0.0 if timed else -result.makespan_s

    rules, timed = experiment.scenario.rules, experiment.duration is not None
    longest_answer = max(done.workload.outputs, default=1)
    max_tokens = min(experiment.max_tokens, math.ceil(longest_answer * HEADROOM / MAX_TOKENS_STEP) * MAX_TOKENS_STEP)
    after, in_flight = before, max_in_flight(done)
    slots_full = in_flight >= experiment.concurrency
    needed = _with_headroom(_quota_per_second(done) * _mean_latency(done)) if slots_full else 0
    changed = replace(experiment, max_tokens=max_tokens, concurrency=max(experiment.concurrency, needed))
    # Without a token quota maxTokens makes no difference.
    if slots_full or (rules.tpm is not None and max_tokens < experiment.max_tokens):
        run = rerun(changed)
        after = summarise(before.algorithm, run)
        if figures(after) < figures(before):
            max_tokens, after = experiment.max_tokens, before
        else:
            in_flight = max_in_flight(run)
    return Recommendation(
        rules=rules,
        max_tokens=max_tokens,
        concurrency=min(_with_headroom(in_flight), changed.concurrency),
        before=before,
        after=after,
        timed=timed,
    )


def _with_headroom(calls: float) -> int:
    return max(1, math.ceil(calls * HEADROOM))


def _quota_per_second(run: Run) -> float:
    """Calls per second that the binding quota allows."""
    tokens = [call.settled for call in run.server.calls if not call.error]
    return len(tokens) / (minutes_of_quota(run.scenario.rules, len(tokens), sum(tokens)) * MINUTE)


def _mean_latency(run: Run) -> float:
    latencies = [call.ended - call.sent for call in run.server.calls if call.ended < math.inf]
    return sum(latencies) / max(1, len(latencies))


def max_in_flight(run: Run) -> int:
    """The largest number of admitted calls in flight at a time; throttled ones end too soon to matter."""
    ends: list[float] = []
    """A heap."""
    maximum = 0
    for call in run.server.calls:
        if not call.error:
            while ends and ends[0] <= call.arrived:
                heappop(ends)
            heappush(ends, call.ended)
            maximum = max(maximum, len(ends))
    return maximum
