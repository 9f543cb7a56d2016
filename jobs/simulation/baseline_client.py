"""A plain client: the rules of the game for whatever is not the real engine, against the same simulated Bedrock.

A pacer holds calls back; what the server refuses all the same is tried again with full jitter, at most eight times,
then it is lost. A gateway in front refuses by its own rule, and says for how long to stay away.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Protocol

from jobs.pipeline.transport import Reply
from jobs.record.protocol import Status
from jobs.simulation.engine_run import Run, Watch
from jobs.simulation.rng import Rng
from jobs.simulation.scenario import Scenario
from jobs.simulation.server import MODEL, SimulatedBedrock
from jobs.simulation.transport import SimulatedTransport
from jobs.simulation.workload import BYTES_PER_TOKEN, Work
from ratelimit import virtual_time
from ratelimit.algorithms.protocol import Gatekeeper
from ratelimit.outcome import Outcome

BASE, CAP, ATTEMPTS = 1.0, 20.0, 8
"""Of the backoff, in seconds; and the most calls of one unit."""
TIMEOUT = 900.0
"""Seconds: of one call."""


class ClientPacer(Protocol):
    """Decides when the next call starts."""

    async def acquire(self, tokens: float) -> None:
        """Wait for leave to send a call that reserves so many tokens."""
        ...

    def ended(self, *, throttled: bool) -> None:
        """A call was answered, or refused for a quota."""
        ...


def drive(
    scenario: Scenario,
    work: Work,
    pacer: Callable[[], ClientPacer],
    *,
    max_in_flight: int,
    seconds: float | None,
    gatekeeper: Gatekeeper | None = None,
    backoff: bool = True,
    watch: Watch | None = None,
) -> Run:
    """Run all work, or for `seconds`, with at most `max_in_flight` units open; `pacer` is called inside the run.

    Without `backoff` what is refused is tried again at once.
    """
    server = SimulatedBedrock(scenario)
    if watch is not None:
        watch(work, server)
    client = _Client(scenario, work, server, max_in_flight, gatekeeper, backoff=backoff)
    return virtual_time.run(client.run(pacer, seconds))


class _Client:
    def __init__(
        self,
        scenario: Scenario,
        work: Work,
        server: SimulatedBedrock,
        max_in_flight: int,
        gatekeeper: Gatekeeper | None,
        *,
        backoff: bool,
    ) -> None:
        self._scenario, self._work, self._server = scenario, work, server
        self._transport = SimulatedTransport(scenario, work, server)
        self._gatekeeper, self._backoff = gatekeeper, backoff
        self._rng = Rng(scenario.seed, "client")
        self._ways = Rng(scenario.seed, "gateway")
        self._max_in_flight = asyncio.Semaphore(max_in_flight)
        self._statuses: Counter[Status] = Counter()
        self._turned_away: list[float] = []
        self._ended = 0.0

    async def run(self, pacer: Callable[[], ClientPacer], seconds: float | None) -> Run:
        self._pacer, work = pacer(), self._work
        try:
            async with asyncio.timeout(seconds):
                await self._call_for_all()
        except TimeoutError:
            self._statuses[Status.NEW] = len(work.inputs) - self._statuses.total()
        ended = self._ended if seconds is None else seconds
        self._server.advance(ended)
        cut, turned_away = seconds is not None, tuple(self._turned_away)
        return Run(self._scenario, work, self._server, self._statuses, ended, turned_away, cut)

    async def _call_for_all(self) -> None:
        async with asyncio.TaskGroup() as group:
            async for chunk in self._work.chunks():
                for section in chunk.sections:
                    await self._max_in_flight.acquire()
                    group.create_task(self._unit(section.number))
        self._ended = asyncio.get_running_loop().time()

    async def _unit(self, number: int) -> None:
        self._statuses[await self._status(self._work.request(number).body)] += 1
        self._max_in_flight.release()

    async def _status(self, body: bytes) -> Status:
        for attempt in range(ATTEMPTS):
            await self._pacer.acquire(len(body) / BYTES_PER_TOKEN + self._work.max_tokens)
            reply = await self._turned_away_at_the_gateway() or await self._transport.send(MODEL, body, TIMEOUT)
            self._pacer.ended(throttled=reply.outcome is Outcome.THROTTLED)
            if reply.outcome is Outcome.OK:
                return Status.OK
            if attempt == ATTEMPTS - 1:
                break
            if reply.retry_after is not None:
                await asyncio.sleep(reply.retry_after)
            elif self._backoff:
                await asyncio.sleep(self._rng.uniform() * min(CAP, BASE * 2**attempt))
        return Status.FAILED

    async def _turned_away_at_the_gateway(self) -> Reply | None:
        """Its refusal; None once it has let the call through, or if there is no gateway."""
        if self._gatekeeper is None:
            return None
        now = asyncio.get_running_loop().time()
        verdict = self._gatekeeper.arrive(now + self._server.phase)  # whole minutes begin with those of the server
        if verdict.passed:
            if verdict.delay:
                await asyncio.sleep(verdict.delay)
            return None
        self._turned_away.append(now)
        latency = self._ways.between(*self._scenario.world.refusal)
        await asyncio.sleep(latency)
        return Reply(Outcome.THROTTLED, latency, code="429", retry_after=float(verdict.retry_after))
