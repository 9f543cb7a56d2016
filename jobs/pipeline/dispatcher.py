"""The stages of a run and nothing but the stages: enter -> await the record -> pick -> call -> close.

Each stage has a bounded queue before it, so a slow one slows those before it rather than filling memory. The order of
one call is: permit -> attempt open, durably -> send -> attempt closed with its answer, durably.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from typing import Any, cast

from jobs.documents.parser_pool import Demand
from jobs.documents.parsing import Chunk
from jobs.pipeline import events
from jobs.pipeline.caller import Caller
from jobs.pipeline.enroller import Enroller
from jobs.pipeline.stage import Stage
from jobs.pipeline.stopping import Cause, Policy, Stop, Stopper
from jobs.pipeline.transport import Transport
from jobs.pipeline.work_queue import Unit, WorkQueue
from jobs.record.protocol import AnswerCache
from jobs.record.writer import Commit
from jobs.requests.cost import Meter
from jobs.requests.request import RequestTemplate
from ratelimit.gate import Gate

LOOKAHEAD = 8
"""Units that were picked and wait at the gate for their first permit: enough to find one there whenever it gives a
permit, and few, as who is next is decided when a unit is picked."""
BESIDE = 64
"""Units open beyond those in flight: at the gate, in backoff, or closing."""


class Dispatcher:
    """Takes sections from reading to answers in the record."""

    def __init__(
        self,
        *,
        template: RequestTemplate,
        meter: Meter,
        commit: Commit,
        cache: AnswerCache,
        transport: Transport,
        gate: Gate,
        policy: Policy,
        emit: events.Emit,
        uniform: Callable[[], float],
        run_id: str,
        fair: bool = True,
        weights: Mapping[str, float] | None = None,
    ) -> None:
        """`uniform` gives numbers in [0, 1) for jitter; `cache` is used inside operations of `commit` only.

        `fair`: documents that are open at once share the rate (but for a sample), each by its weight, 1 if `weights`
        does not name it; else they come in order.
        """
        self._commit, self._gate, self._policy, self._emit = commit, gate, policy, emit
        self._stopper = Stopper(policy)
        sample = policy.sample
        self._work_queue = WorkQueue(fair=fair and sample is None, weights=weights)
        self._entering = Enroller(
            template=template,
            meter=meter,
            commit=commit,
            cache=cache,
            emit=emit,
            work_queue=self._work_queue,
            sample=sample,
        )
        self._most = gate.max_in_flight + BESIDE
        self._open: dict[int, asyncio.Task[None]] = {}
        """The units that were picked and are not done with, by id, and who works for each."""
        self._ahead: set[int] = set()
        """Those of them that the gate has not let through yet."""
        self._resting: list[asyncio.Future[None]] = []
        """The turns of those who are done with a unit and have no other yet."""
        self._picking = self._all_picked = False
        self._caller = Caller(
            model=template.model, meter=meter, commit=commit, cache=cache, transport=transport, gate=gate,
            policy=policy, stopper=self._stopper, stop=self.stop, let_through=self._let_through, emit=emit,
            uniform=uniform, run_id=run_id,
        )  # fmt: skip
        self._group = asyncio.TaskGroup()
        self._tasks: list[asyncio.Task[None]] = []
        self._broken: Exception | None = None
        self._grace: asyncio.TimerHandle | None = None

    @property
    def stopped(self) -> Stop | None:
        """Why no new call starts; None while the run goes on, or if it came to its end."""
        return self._stopper.stopped

    @property
    def demand(self) -> Demand:
        """What the run wants of the documents, for whoever reads them."""
        return self._work_queue

    @property
    def listed_all(self) -> bool:
        """Whether every input was met; until then, none is known to be gone."""
        return self._entering.listed_all

    @property
    def documents_read(self) -> int:
        """Documents that were read to their end, or could not be."""
        return self._entering.documents

    def stages(self) -> tuple[Stage, ...]:
        """The stages as they stand, for a display."""
        return (
            Stage("read", 0, 0 if self.listed_all else 1, self.documents_read),
            Stage("record", self._entering.waiting, self._commit.waiting, self._entering.sections),
            Stage("call", len(self._work_queue) + self._gate.waiting, self._gate.in_flight, self._caller.ended),
            Stage("close", 0, max(0, len(self._caller.busy) - self._gate.in_flight), self._caller.closed),
        )

    async def run(self, chunks: AsyncIterator[Chunk]) -> None:
        """Take everything that reading yields to its end, or until the run is stopped.

        Raises:
            ExceptionGroup: of what a stage raised (StorageError, or a bug); calls in flight were cancelled.
            Exception: what reading raised; calls in flight had their time to finish.
        """
        async with self._group:
            if self.stopped is None:
                self._start(self._enter(chunks))
                self._start(self._entering.pass_on())
                self._appoint()
        if self._grace is not None:
            self._grace.cancel()
        if self._broken is not None:
            raise self._broken
        if self.stopped is None and (stop := self._stopper.at_the_end()) is not None:
            self._stopper.stop(stop)

    # Stages.

    def _start(self, stage: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(self._group.create_task(stage))

    async def _enter(self, chunks: AsyncIterator[Chunk]) -> None:
        try:
            await self._entering.enter(chunks)
        except Exception as error:  # noqa: BLE001 (raised again once the calls in flight have ended)
            self._broken = error
            self.stop(Stop(Cause.BROKEN, f"reading failed: {error}"))

    async def _call(self) -> None:
        """Call for units: pick one, as late as the gate allows, work for it, and rest until it is one's turn again."""
        task = cast("asyncio.Task[None]", asyncio.current_task())
        while (unit := await self._work_queue.pick()) is not None:
            self._picking = False
            self._open[unit.id] = task
            self._ahead.add(unit.id)
            self._appoint()
            await self._caller.work(unit)
            del self._open[unit.id]
            turn = task.get_loop().create_future()
            self._resting.append(turn)
            self._let_through(unit)
            if self.stopped is not None:
                return
            del unit  # who rests holds no text
            await turn
        self._picking, self._all_picked = False, True
        self._appoint()

    def _appoint(self) -> None:
        """Have somebody pick the next unit, if there is room and nobody does: one who rests, or a new one."""
        full = len(self._ahead) >= LOOKAHEAD or len(self._open) >= self._most
        if full or self._picking or self.stopped is not None:
            return
        if self._resting:
            self._picking = True
            self._resting.pop().set_result(None)
        elif not self._all_picked:
            self._picking = True
            self._start(self._call())

    def _let_through(self, unit: Unit) -> None:
        """The gate has given a unit a permit, or it ended without one."""
        self._ahead.discard(unit.id)
        self._appoint()

    # Stopping.

    def stop(self, stop: Stop) -> None:
        """Start no new call; those in flight may finish within the grace period. The first reason stays."""
        if not self._stopper.stop(stop):
            return
        self._emit(events.Stopping(stop.reason, stop.hint))
        self._gate.close()
        spared = {asyncio.current_task(), *(self._open[unit] for unit in self._caller.busy)}
        for task in self._tasks:
            if task not in spared:
                task.cancel()
        self._grace = asyncio.get_running_loop().call_later(self._policy.grace, self.abort)

    def abort(self) -> None:
        """Withdraw the calls in flight: whether they are paid for is unknown, and the record says so."""
        if self._gate.in_flight:
            text = f"calls in flight that were given up: {self._gate.in_flight}; they may have been paid for"
            self._emit(events.Notice(text, "the next run calls for them again, or holds them (--on-unknown hold)"))
        for task in self._tasks:
            task.cancel()
