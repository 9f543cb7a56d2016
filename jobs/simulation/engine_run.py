"""One run of the real dispatcher against a simulated Bedrock, in virtual time."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from jobs.pipeline import events
from jobs.pipeline.dispatcher import Dispatcher
from jobs.pipeline.stopping import Cause, Policy, Stop
from jobs.record.memory_record import MemoryRecord
from jobs.record.protocol import Status
from jobs.requests.cost import Meter
from jobs.requests.model import Model
from jobs.simulation.rng import Rng
from jobs.simulation.scenario import Scenario
from jobs.simulation.server import MODEL, SimulatedBedrock
from jobs.simulation.transport import SimulatedTransport
from jobs.simulation.workload import BYTES_PER_TOKEN, Workload
from ratelimit import virtual_time
from ratelimit.gate import Gate

OnStart = Callable[[Workload, SimulatedBedrock], None]
"""Called when a run starts, with the objects from which a display reads its progress."""


@dataclass(frozen=True, slots=True)
class Run:
    scenario: Scenario
    workload: Workload
    server: SimulatedBedrock
    statuses: Counter[Status]
    """Units by status; NEW: still waiting at the end of a timed run."""
    seconds: float
    """Virtual time at the end; later calls do not count."""
    gateway_throttles: tuple[float, ...] = ()
    """When a gateway in front of the server throttled a call, in order; the server did not see these calls."""
    timed: bool = False
    """Whether the run ended at a time limit: then no waiting unit is lost, and calls in flight count as served."""


def run(
    scenario: Scenario,
    workload: Workload,
    gate: Callable[[], Gate],
    *,
    policy: Policy | None = None,
    seconds: float | None = None,
    emit: events.Emit = lambda _: None,
    on_start: OnStart | None = None,
) -> Run:
    """Run until the workload is done, or for `seconds` of virtual time. `gate` is called inside the event loop."""
    server = SimulatedBedrock(scenario)
    record = MemoryRecord()
    if on_start is not None:
        on_start(workload, server)

    async def dispatch() -> Run:
        loop = asyncio.get_running_loop()
        dispatcher = Dispatcher(
            template=workload.template(),
            meter=Meter(Model(MODEL, scenario.rules.burndown, BYTES_PER_TOKEN, None, None)),
            record=record,
            transport=SimulatedTransport(scenario, workload, server),
            gate=gate(),
            policy=policy or Policy(),
            emit=emit,
            uniform=Rng(scenario.seed, "client").uniform,
            run_id="simulated",
            weights=workload.weights,
        )
        if seconds is not None:
            loop.call_at(seconds, dispatcher.stop, Stop(Cause.DEADLINE, "the simulated time is over"))
        await dispatcher.run(workload.chunks())
        ended = loop.time() if seconds is None else seconds
        server.advance(ended)
        return Run(scenario, workload, server, record.statuses, ended, timed=seconds is not None)

    return virtual_time.run(dispatch())
