"""Ways of limiting side by side: each runs the same requests against the same server."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

from jobs.pipeline import events
from jobs.simulation.baselines import PLAIN, run_plain
from jobs.simulation.engine_run import Run, Watch, noop, run
from jobs.simulation.experiment import Simulation
from jobs.simulation.reasons import remark
from jobs.simulation.recommendation import Recommendation, recommend
from jobs.simulation.result import Result, Timeline
from jobs.simulation.tally import result
from jobs.simulation.timeline import Heard, timeline
from ratelimit.gate import Gate

TOLD: Final = "bedrock-batch"
BLIND: Final = "bedrock-batch-auto"
ALGORITHMS: Final = (*PLAIN, TOLD, BLIND)
"""In the order in which they are shown."""


class GateMaker(Protocol):
    """Makes the gate that a real run would have, told the quotas or not; `emit` hears what it learns."""

    def __call__(self, simulation: Simulation, *, told: bool, emit: events.Emit) -> Gate:
        """Inside of the run, by its event loop's clock."""
        ...


@dataclass(frozen=True, slots=True)
class Shown:
    """What came of one algorithm."""

    result: Result
    remark: str
    """What is bad about it; may be empty."""
    timeline: Timeline | None
    """Only where it was asked for."""
    recommendation: Recommendation | None
    """Of TOLD, the one of these algorithms that can be set up like a real run; None also if it answered too little."""


def compare(
    simulation: Simulation,
    algorithms: Sequence[str],
    gate: GateMaker,
    *,
    timelines: bool = False,
    watch: Callable[[str], Watch] | None = None,
) -> Iterator[Shown]:
    """Run one after the other, each as soon as it is asked for. `watch` is told of each that begins."""
    for name in algorithms:
        heard = Heard() if timelines else None
        done = _run(name, simulation, gate, heard, watch(name) if watch else None)
        figures = result(name, done)
        yield Shown(
            figures,
            remark(figures, simulation, Counter(call.refused for call in done.server.calls if call.refused)),
            timeline(done, heard) if heard else None,
            recommend(simulation, done, figures, partial(_run, TOLD, gate=gate)) if name == TOLD else None,
        )


def _run(
    name: str, simulation: Simulation, gate: GateMaker, heard: Heard | None = None, watch: Watch | None = None
) -> Run:
    if name in PLAIN:
        return run_plain(name, simulation, watch)
    emit = heard.hear if heard else noop
    return run(
        simulation.scenario,
        simulation.work(),
        lambda: gate(simulation, told=name == TOLD, emit=emit),
        seconds=simulation.duration,
        emit=emit,
        watch=watch,
    )
