"""The client of every baseline: paces calls, retries with full jitter, and gives up a request after eight attempts.

A gateway, where there is one, throttles by a rule of its own and sends a Retry-After, which the client obeys.
"""

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from jobs.record.protocol import Status
from jobs.requests.cost import REQUESTS, TOKENS
from jobs.requests.reply import Reply
from jobs.simulation.engine_run import Run
from jobs.simulation.rng import Rng
from jobs.simulation.scenario import Scenario
from jobs.simulation.server import MODEL, SimulatedBedrock
from jobs.simulation.transport import SimulatedTransport
from jobs.simulation.workload import BYTES_PER_TOKEN, Workload
from ratelimit import virtual_time
from ratelimit.algorithms.adaptive import Adaptive
from ratelimit.algorithms.botocore_adaptive import BotocoreAdaptive
from ratelimit.algorithms.protocol import Gatekeeper, Limiter
from ratelimit.outcome import Outcome
from ratelimit.quota_book import Dimension, QuotaBook, Reservation

BACKOFF_BASE, BACKOFF_CAP, CALL_TIMEOUT = 1.0, 20.0, 900.0
"""Seconds."""
MAX_ATTEMPTS = 8
"""Calls for one request."""


MIN_WAIT = 1e-6
"""Seconds. A shorter sleep may be rounded away: the virtual clock would not advance."""


class ClientPacer:
    """Starts calls first come, first served, as soon as its limiters (by quota name) allow; without any, at once."""

    def __init__(self, limiters: Mapping[str, Limiter]) -> None:
        self._book = QuotaBook({name: Dimension(limiter, math.inf) for name, limiter in limiters.items()})
        self._learners = [limiter for limiter in limiters.values() if isinstance(limiter, Adaptive | BotocoreAdaptive)]
        self._turn = asyncio.Lock()
        self._rate_changed = asyncio.Event()

    async def acquire(self, tokens: float) -> None:
        """Wait until a call that reserves this many tokens may start; unused tokens are not refunded."""
        clock = asyncio.get_running_loop().time
        amounts = self._book.amounts({REQUESTS: 1.0, TOKENS: tokens})
        async with self._turn:
            while not isinstance(decision := self._book.try_reserve(clock(), amounts), Reservation):
                self._rate_changed.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(max(MIN_WAIT, decision)):
                        await self._rate_changed.wait()

    def ended(self, *, throttled: bool) -> None:
        for learner in self._learners:
            now = asyncio.get_running_loop().time()
            if throttled:
                learner.throttled(now, now, 1.0)
            else:
                learner.succeeded(now)
            self._rate_changed.set()


@dataclass
class BaselineClient:
    """A client against a simulated server; `run` may be called once.

    At most `max_in_flight` requests are open at a time. Without `backoff` the client retries immediately.
    """

    scenario: Scenario
    workload: Workload
    pacer: Callable[[], ClientPacer]
    """Called inside the event loop."""
    max_in_flight: int
    gatekeeper: Gatekeeper | None = None
    backoff: bool = True

    def __post_init__(self) -> None:
        self.server = SimulatedBedrock(self.scenario)
        self._transport = SimulatedTransport(self.scenario, self.workload, self.server)
        self._jitter = Rng(self.scenario.seed, "client")
        self._gateway_latencies = Rng(self.scenario.seed, "gateway")
        self._slots = asyncio.Semaphore(self.max_in_flight)
        self._statuses: Counter[Status] = Counter()
        self._gateway_throttles: list[float] = []

    def run(self, seconds: float | None) -> Run:
        """Run until the workload is done, or for `seconds` of virtual time."""
        return virtual_time.run(self._run(seconds))

    async def _run(self, seconds: float | None) -> Run:
        self._pacer = self.pacer()
        try:
            async with asyncio.timeout(seconds):
                await self._call_all()
        except TimeoutError:
            self._statuses[Status.NEW] = len(self.workload.inputs) - self._statuses.total()
        ended = asyncio.get_running_loop().time() if seconds is None else seconds
        self.server.advance(ended)
        timed, throttles = seconds is not None, tuple(self._gateway_throttles)
        return Run(self.scenario, self.workload, self.server, self._statuses, ended, throttles, timed)

    async def _call_all(self) -> None:
        async with asyncio.TaskGroup() as group:
            async for chunk in self.workload.chunks():
                for section in chunk.sections:
                    await self._slots.acquire()
                    group.create_task(self._call(section.number))

    async def _call(self, number: int) -> None:
        self._statuses[await self._status(self.workload.request(number).body)] += 1
        self._slots.release()

    async def _status(self, body: bytes) -> Status:
        for attempt in range(MAX_ATTEMPTS):
            await self._pacer.acquire(len(body) / BYTES_PER_TOKEN + self.workload.max_tokens)
            reply = await self._gateway_throttle() or await self._transport.send(MODEL, body, CALL_TIMEOUT)
            self._pacer.ended(throttled=reply.outcome is Outcome.THROTTLED)
            if reply.outcome is Outcome.OK:
                return Status.OK
            if attempt == MAX_ATTEMPTS - 1:
                break
            if reply.retry_after is not None:
                await asyncio.sleep(reply.retry_after)
            elif self.backoff:
                await asyncio.sleep(self._jitter.uniform() * min(BACKOFF_CAP, BACKOFF_BASE * 2**attempt))
        return Status.FAILED

    async def _gateway_throttle(self) -> Reply | None:
        """The gateway's throttle; None if it passes the call, or if there is no gateway."""
        if self.gatekeeper is None:
            return None
        now = asyncio.get_running_loop().time()
        verdict = self.gatekeeper.arrive(now + self.server.phase)  # its minutes are aligned with the server's
        if verdict.passed:
            if verdict.delay:
                await asyncio.sleep(verdict.delay)
            return None
        self._gateway_throttles.append(now)
        latency = self._gateway_latencies.between(*self.scenario.timing.error)
        await asyncio.sleep(latency)
        return Reply(Outcome.THROTTLED, latency, code="429", retry_after=float(verdict.retry_after))
