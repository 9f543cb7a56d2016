"""Runs every algorithm on the same experiment, one after the other."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from jobs.pipeline import events
from jobs.simulation.baselines import BASELINES, run_baseline
from jobs.simulation.engine_run import OnStart, Run, run
from jobs.simulation.experiment import Experiment
from jobs.simulation.reasons import explain
from jobs.simulation.recommendation import Recommendation, recommend
from jobs.simulation.result import Result, Timeline
from jobs.simulation.server import SimulatedBedrock
from jobs.simulation.tally import summarise
from jobs.simulation.timeline import ClientLog, timeline
from jobs.simulation.workload import Workload
from ratelimit.gate import Gate

CONFIGURED: Final = "bedrock-batch"
AUTO: Final = "bedrock-batch-auto"
"""The real engine with the quota configured, and with the quota learned."""
ALGORITHMS: Final = (*BASELINES, CONFIGURED, AUTO)
"""In display order."""


GateMaker = Callable[[Experiment, bool, events.Emit], Gate]
"""Makes the gate of a real run, inside the event loop: whether the quota is configured, and what the gate emits to."""


@dataclass(frozen=True, slots=True)
class Trial:
    result: Result
    explanation: str
    """Why its figures are bad; empty if none is."""
    timeline: Timeline | None
    """None unless requested."""
    recommendation: Recommendation | None
    """Of CONFIGURED only: the algorithm whose settings `analyze` can use."""


def compare(
    experiment: Experiment,
    algorithms: Sequence[str],
    gate: GateMaker,
    *,
    timelines: bool = False,
    on_start: Callable[[str, Workload, SimulatedBedrock], None] | None = None,
) -> Iterator[Trial]:
    """Run each algorithm when the iterator asks for it. `on_start` is called with the name of each as it starts."""
    for name in algorithms:
        log = ClientLog() if timelines else None
        done = _run(name, experiment, gate, log, partial(on_start, name) if on_start else None)
        result = summarise(name, done)
        yield Trial(
            result,
            explain(result, experiment, Counter(call.error for call in done.server.calls if call.error)),
            timeline(done, log) if log else None,
            recommend(experiment, done, result, partial(_run, name, gate=gate)) if name == CONFIGURED else None,
        )


def _run(
    name: str, experiment: Experiment, gate: GateMaker, log: ClientLog | None = None, on_start: OnStart | None = None
) -> Run:
    if name in BASELINES:
        return run_baseline(name, experiment, on_start)
    emit: events.Emit = log.record if log else lambda _: None
    return run(
        experiment.scenario,
        experiment.workload(),
        lambda: gate(experiment, name == CONFIGURED, emit),
        seconds=experiment.duration,
        emit=emit,
        on_start=on_start,
    )
