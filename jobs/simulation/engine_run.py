"""One run of the real dispatcher against a simulated Bedrock, in virtual time."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from jobs.pipeline import events
from jobs.pipeline.dispatcher import Dispatcher
from jobs.pipeline.stopping import Cause, Policy, Stop
from jobs.record.memory import MemoryRecord
from jobs.record.protocol import Status
from jobs.requests.cost import Meter
from jobs.simulation.rng import Rng
from jobs.simulation.scenario import Scenario
from jobs.simulation.server import SimulatedBedrock
from jobs.simulation.transport import SimulatedTransport
from jobs.simulation.workload import Work, simulated_model
from ratelimit import virtual_time
from ratelimit.gate import Gate

Watch = Callable[[Work, SimulatedBedrock], None]
"""Is given what a run is made of, when it begins: by it a display can tell how far it is."""


@dataclass(frozen=True, slots=True)
class Run:
    """What is left of a run: all that can be measured."""

    scenario: Scenario
    work: Work
    server: SimulatedBedrock
    statuses: Counter[Status]
    """Of the units; NEW are those that the end of a timed run cut off."""
    seconds: float
    """Virtual time at which it ended; what came later does not count."""
    turned_away: tuple[float, ...] = ()
    """When a gateway in front refused a call that the server has not seen, in order."""
    cut: bool = False
    """Whether it ended with its time: then what waits is not lost, and what is under way will be answered."""


def run(
    scenario: Scenario,
    work: Work,
    gate: Callable[[], Gate],
    *,
    policy: Policy | None = None,
    seconds: float | None = None,
    emit: events.Emit | None = None,
    watch: Watch | None = None,
) -> Run:
    """Run to the end of the work, or for so many seconds of virtual time.

    `gate` is made inside the run. `policy` says whether a quota was told, as for a real run.
    """
    server = SimulatedBedrock(scenario)
    if watch is not None:
        watch(work, server)
    return virtual_time.run(_run(scenario, work, server, gate, policy or Policy(), seconds, emit or noop))


async def _run(
    scenario: Scenario,
    work: Work,
    server: SimulatedBedrock,
    gate: Callable[[], Gate],
    policy: Policy,
    seconds: float | None,
    emit: events.Emit,
) -> Run:
    loop = asyncio.get_running_loop()
    record = MemoryRecord()
    dispatcher = Dispatcher(
        template=work.template(),
        meter=Meter(simulated_model(scenario.rules.burndown)),
        record=record,
        transport=SimulatedTransport(scenario, work, server),
        gate=gate(),
        policy=policy,
        emit=emit,
        uniform=Rng(scenario.seed, "client").uniform,
        run_id="simulated",
        weights=work.weights,
    )
    if seconds is not None:
        loop.call_at(seconds, dispatcher.stop, Stop(Cause.DEADLINE, "the simulated time is over"))
    await dispatcher.run(work.chunks())
    ended = loop.time() if seconds is None else seconds
    server.advance(ended)
    return Run(scenario, work, server, record.statuses, ended, cut=seconds is not None)


def noop(_: events.Event) -> None:
    """Nobody listens."""
