"""A plain client: the rules of the game for whatever is not the real engine, against the same simulated Bedrock.

A pacer holds calls back; what the server refuses all the same is tried again with full jitter, at most eight times,
then it is lost.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Protocol

from jobs.simulation.draws import Draws
from jobs.simulation.run import Run
from jobs.simulation.scenario import Scenario
from jobs.simulation.server import MODEL, SimulatedBedrock
from jobs.simulation.transport import SimulatedTransport
from jobs.simulation.work import BYTES_PER_TOKEN, Work
from jobs.store import Status
from ratelimit import virtual_time
from ratelimit.outcome import Outcome

BASE, CAP, ATTEMPTS = 1.0, 20.0, 8
"""Of the backoff, in seconds; and the most calls of one unit."""
TIMEOUT = 900.0
"""Seconds: of one call."""


class Pacer(Protocol):
    """Decides when the next call starts."""

    async def acquire(self, tokens: float) -> None:
        """Wait for leave to send a call that reserves so many tokens."""
        ...

    def ended(self, *, throttled: bool) -> None:
        """A call was answered, or refused for a quota."""
        ...


def drive(scenario: Scenario, work: Work, pacer: Callable[[], Pacer], *, places: int, seconds: float | None) -> Run:
    """Run to the end of the work or for so many seconds, with at most `places` units open; `pacer` is made inside."""
    return virtual_time.run(_drive(scenario, work, pacer, places, seconds))


async def _drive(scenario: Scenario, work: Work, pacer: Callable[[], Pacer], places: int, seconds: float | None) -> Run:
    loop, server = asyncio.get_running_loop(), SimulatedBedrock(scenario)
    client = _Client(work, pacer(), SimulatedTransport(scenario, work, server), Draws(scenario.seed, "client"), places)
    try:
        async with asyncio.timeout(seconds):
            await client.run()
    except TimeoutError:
        client.statuses[Status.NEW] = len(work.inputs) - client.statuses.total()
    ended = loop.time() if seconds is None else seconds
    server.advance(ended)
    return Run(scenario, work, server, client.statuses, ended)


class _Client:
    def __init__(self, work: Work, pacer: Pacer, transport: SimulatedTransport, draws: Draws, places: int) -> None:
        self._work, self._pacer, self._transport, self._draws = work, pacer, transport, draws
        self._places = asyncio.Semaphore(places)
        self.statuses: Counter[Status] = Counter()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            async for chunk in self._work.chunks():
                for section in chunk.sections:
                    await self._places.acquire()
                    group.create_task(self._unit(section.index))

    async def _unit(self, number: int) -> None:
        self.statuses[await self._status(self._work.request(number).body)] += 1
        self._places.release()

    async def _status(self, body: bytes) -> Status:
        for attempt in range(ATTEMPTS):
            await self._pacer.acquire(len(body) / BYTES_PER_TOKEN + self._work.max_tokens)
            reply = await self._transport.send(MODEL, body, TIMEOUT)
            self._pacer.ended(throttled=reply.outcome is Outcome.THROTTLED)
            if reply.outcome is Outcome.OK:
                return Status.OK
            await asyncio.sleep(self._draws.uniform() * min(CAP, BASE * 2**attempt))
        return Status.FAILED
