"""The stages of a run: enroll -> queue -> call -> close.

Each stage has a bounded queue, so a slow stage slows the stages before it and memory stays flat.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import cast

from jobs.documents.parser_pool import Demand
from jobs.documents.parsing import Chunk
from jobs.errors import JobError, StorageError
from jobs.pipeline import events
from jobs.pipeline.caller import Caller
from jobs.pipeline.enroller import Enroller
from jobs.pipeline.stage import Stage
from jobs.pipeline.stopping import Cause, Policy, Stop, Stopper
from jobs.pipeline.transport import Transport
from jobs.pipeline.work_queue import Unit, WorkQueue
from jobs.record.protocol import Record
from jobs.requests.cost import Meter
from jobs.requests.request import RequestTemplate
from ratelimit.gate import Gate
from ratelimit.slow_start import SlowStart

LOOKAHEAD = 8
"""Units picked and not yet permitted. The gate always finds one waiting; few, as picking decides which unit is next."""
MAX_WAITING = 64
"""Units picked beyond the calls in flight: at the gate, in backoff, or closing."""


class Dispatcher:
    """Takes sections from reading to answers in the record."""

    def __init__(
        self,
        *,
        template: RequestTemplate,
        meter: Meter,
        record: Record,
        transport: Transport,
        gate: Gate,
        policy: Policy,
        emit: events.Emit,
        uniform: Callable[[], float],
        run_id: str,
        fair: bool = True,
        weights: Mapping[str, float] | None = None,
        version_1_limits: Sequence[int] = (),
    ) -> None:
        """`uniform` returns numbers in [0, 1), for jitter.

        `fair`: open documents share the rate, by `weights`, 1 for documents not named;
        otherwise they are called in order.
        """
        self._record, self._gate, self._policy, self._emit = record, gate, policy, emit
        self._stopper = Stopper(policy)
        self._work_queue = WorkQueue(fair=fair, weights=weights)
        self._enroller = Enroller(
            template=template, meter=meter, record=record, emit=emit, work_queue=self._work_queue,
            version_1_limits=version_1_limits,
        )  # fmt: skip
        self._slow_start = SlowStart(gate, lambda: self._stopper.all_rejected)
        self._caller = Caller(
            model=template.model, meter=meter, record=record, transport=transport, gate=gate,
            slow_start=self._slow_start, policy=policy, stopper=self._stopper, stop=self.stop,
            permitted=self._permitted, emit=emit, uniform=uniform, run_id=run_id,
        )  # fmt: skip
        self._max_workers = gate.max_in_flight + MAX_WAITING
        self._lookahead = asyncio.Semaphore(LOOKAHEAD)
        self._ahead: set[int] = set()
        """Ids of units picked and not yet permitted; each holds the lookahead semaphore."""
        self._workers: dict[int, asyncio.Task[None]] = {}
        """The worker of each picked unit, by its id."""
        self._idle = 0
        """Workers waiting for a unit."""
        self._group = asyncio.TaskGroup()
        self._tasks: list[asyncio.Task[None]] = []
        self._reading_failed: Exception | None = None
        self._grace: asyncio.TimerHandle | None = None

    @property
    def stopped(self) -> Stop | None:
        """Why no new call starts; None while the run goes on, or if all work is done."""
        return self._stopper.stopped

    @property
    def demand(self) -> Demand:
        """How much more of the documents to read."""
        return self._work_queue

    @property
    def listed_all(self) -> bool:
        """Whether the listing is complete; until then no document counts as gone."""
        return self._enroller.listed_all

    @property
    def documents_read(self) -> int:
        """Documents read to their end, or unreadable."""
        return self._enroller.documents

    def stages(self) -> tuple[Stage, ...]:
        """The stages as they stand, for a display."""
        return (
            Stage("read", 0, 0 if self.listed_all else 1, self.documents_read),
            Stage("enroll", self._enroller.waiting, self._record.waiting, self._enroller.sections),
            Stage("call", len(self._work_queue) + self._gate.waiting, self._gate.in_flight, self._caller.ended),
            Stage("close", 0, max(0, len(self._caller.busy) - self._gate.in_flight), self._caller.closed),
        )

    async def run(self, chunks: AsyncIterator[Chunk]) -> None:
        """Process all chunks, or until the run is stopped.

        Raises:
            ExceptionGroup: a stage failed with a bug; calls in flight were cancelled.
            Exception: reading failed; calls in flight had their time to finish.
        """
        async with self._group:
            if self.stopped is None:
                self._slow_start.begin()
                self._start(partial(self._enroll, chunks))
                self._start(self._enroller.queue)
                self._start(self._work)
        if self._grace is not None:
            self._grace.cancel()
        if self._reading_failed is not None:
            raise self._reading_failed
        if self.stopped is None and (stop := self._stopper.at_the_end()) is not None:
            self._stopper.stop(stop)

    # Stages.

    def _start(self, stage: Callable[[], Awaitable[None]]) -> None:
        self._tasks.append(self._group.create_task(self._until_record_fails(stage)))

    async def _until_record_fails(self, stage: Callable[[], Awaitable[None]]) -> None:
        """Run a stage; a record that takes no more stops the run, so that the calls in flight may finish."""
        try:
            await stage()
        except StorageError as error:
            self.stop(Stop(Cause.STORAGE, error.message, error.hint))

    async def _enroll(self, chunks: AsyncIterator[Chunk]) -> None:
        try:
            await self._enroller.enroll(chunks)
        except Exception as error:  # noqa: BLE001 (raised by `run` once the calls in flight have ended)
            self._reading_failed = error
            # Only expected errors have a text for people: that of others may hold text of a document, or a secret.
            reason = error.message if isinstance(error, JobError) else type(error).__name__
            self.stop(Stop(Cause.READING, f"reading failed: {reason}"))

    async def _work(self) -> None:
        """A worker: pick a unit as late as the gate allows, call it, pick the next.

        A worker that takes a unit starts another one unless one is idle, so a small run has few.
        """
        worker = cast("asyncio.Task[None]", asyncio.current_task())
        while self.stopped is None:
            self._idle += 1
            await self._lookahead.acquire()
            unit = await self._work_queue.pick()
            self._idle -= 1
            if unit is None:
                self._lookahead.release()
                return
            self._ahead.add(unit.id)
            self._workers[unit.id] = worker
            if not self._idle and len(self._workers) < self._max_workers:
                self._start(self._work)
            await self._caller.call(unit)
            del self._workers[unit.id]
            self._permitted(unit)
            del unit  # an idle worker keeps no text in memory

    def _permitted(self, unit: Unit) -> None:
        """A unit got its first permit, or ended without one."""
        if unit.id in self._ahead:
            self._ahead.remove(unit.id)
            self._lookahead.release()

    # Stopping.

    def stop(self, stop: Stop) -> None:
        """Start no new call; calls in flight may finish within the grace period. The first reason counts."""
        if not self._stopper.stop(stop):
            return
        self._emit(events.Stopping(stop.reason, stop.hint))
        self._gate.close()
        spared = {asyncio.current_task(), *(self._workers[unit] for unit in self._caller.busy)}
        for task in self._tasks:
            if task not in spared:
                task.cancel()
        self._grace = asyncio.get_running_loop().call_later(self._policy.grace, self.abort)

    def abort(self) -> None:
        """Cancel the calls in flight: they may have been billed, and stay open in the record."""
        if self._gate.in_flight:
            text = f"cancelled calls in flight: {self._gate.in_flight}; they may have been billed"
            hint = "the next run calls these sections again, or holds them (--on-unknown hold)"
            self._emit(events.Notice(text, hint))
        for task in self._tasks:
            task.cancel()
