"""The stages of a run and nothing but the stages: enter -> await the record -> call -> close.

Each stage has a bounded queue before it, so a slow one slows those before it rather than filling memory. The order of
one call is: permit -> attempt open, durably -> send -> attempt closed with its answer, durably.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import cast

from jobs import events
from jobs.documents.parsing import Chunk
from jobs.group_commit import Commit
from jobs.metering import MONEY, TOKENS, Meter
from jobs.request import Recipe, Request
from jobs.stats import Stage
from jobs.stopping import Cause, Policy, Stop, Stopper
from jobs.store import Closing, Enrolment, Entry, Place, Recall, Status, Store
from jobs.transport import Reply, Transport
from ratelimit.gate import ExhaustedError, Gate, GateClosedError, Permit
from ratelimit.outcome import Outcome
from ratelimit.quota import NeverFitsError
from ratelimit.restraint import Restraint
from ratelimit.retry import backoff, clamp

CHUNKS_ENTERING = 16
"""Chunks whose entry into the record is not yet durable; their writes share transactions."""
UNITS_QUEUED = 128
"""Units that wait for a place among the open ones."""
LOOKAHEAD = 64
"""Units open beyond those in flight: at the gate, in backoff, or closing."""


_SPENT = Stop(Cause.BUDGET, "the budget has not enough left for what the next call may cost")


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit to call for, with what its calls need."""

    id: int
    request: Request
    document: str
    heading: str


class Dispatcher:
    """Takes sections from reading to answers in the record."""

    def __init__(
        self,
        *,
        recipe: Recipe,
        meter: Meter,
        commit: Commit,
        recall: Recall,
        transport: Transport,
        gate: Gate,
        policy: Policy,
        emit: events.Emit,
        uniform: Callable[[], float],
        run_id: str,
    ) -> None:
        """`uniform` gives numbers in [0, 1) for jitter; `recall` is used inside operations of `commit` only."""
        self._recipe, self._meter, self._commit, self._recall = recipe, meter, commit, recall
        self._transport, self._gate, self._policy, self._emit = transport, gate, policy, emit
        self._uniform, self._run_id = uniform, run_id
        self._stopper = Stopper(policy)
        self._entering: asyncio.Queue[tuple[Chunk, list[Request], asyncio.Future[list[Enrolment]]] | None]
        self._entering = asyncio.Queue(CHUNKS_ENTERING)
        self._units: asyncio.Queue[Unit | None] = asyncio.Queue(UNITS_QUEUED)
        self._room = asyncio.Semaphore(gate.places + LOOKAHEAD)
        self._restraint = Restraint(gate, lambda: self._stopper.suspicious, uniform, quota_told=policy.quota_told)
        self._preparing: set[asyncio.Task[None]] = set()
        self._calling: set[asyncio.Task[None]] = set()
        self._documents = self._sections = self._ended_calls = self._closed = 0
        self._broken: Exception | None = None
        self._grace: asyncio.TimerHandle | None = None
        self.listed_all = False
        """Whether every input was met; until then, none is known to be gone."""

    @property
    def stopped(self) -> Stop | None:
        """Why no new call starts; None while the run goes on, or if it came to its end."""
        return self._stopper.stopped

    @property
    def documents_read(self) -> int:
        """Documents that were read to their end, or could not be."""
        return self._documents

    def stages(self) -> tuple[Stage, ...]:
        """The stages as they stand, for a display."""
        return (
            Stage("read", 0, 0 if self.listed_all else 1, self._documents),
            Stage("record", self._entering.qsize(), self._commit.waiting, self._sections),
            Stage("call", self._units.qsize() + self._gate.waiting, self._gate.in_flight, self._ended_calls),
            Stage("close", 0, max(0, len(self._calling) - self._gate.in_flight), self._closed),
        )

    async def run(self, chunks: AsyncIterator[Chunk]) -> None:
        """Take everything that reading yields to its end, or until the run is stopped.

        Raises:
            ExceptionGroup: of what a stage raised (StorageError, or a bug); calls in flight were cancelled.
            Exception: what reading raised; calls in flight had their time to finish.
        """
        async with asyncio.TaskGroup() as group:
            for stage in (self._enter(chunks), self._entered(), self._call_all(group)):
                self._prepare(group.create_task(stage))
        if self._grace is not None:
            self._grace.cancel()
        if self._broken is not None:
            raise self._broken
        if self.stopped is None and (stop := self._stopper.at_the_end()) is not None:
            self._stopper.stop(stop)

    # Stages.

    async def _enter(self, chunks: AsyncIterator[Chunk]) -> None:
        """Build the requests of each chunk and ask the record for them."""
        try:
            await self._enter_all(chunks)
        except Exception as error:  # noqa: BLE001 (raised again once the calls in flight have ended)
            self._broken = error
            self.stop(Stop(Cause.BROKEN, f"reading failed: {error}"))
            return  # nobody takes from the queue any more
        await self._entering.put(None)

    async def _enter_all(self, chunks: AsyncIterator[Chunk]) -> None:
        position = 0
        sample = self._policy.sample
        async for chunk in chunks:
            path = chunk.document.path
            if sample is not None:
                chunk = _first(chunk, sample - self._sections)  # noqa: PLW2901
            requests = [self._recipe.build(path, section) for section in chunk.sections]
            entries = [
                Entry(section.id, section.index, section.heading, section.place, request.key)
                for section, request in zip(chunk.sections, requests, strict=True)
            ]
            enrolments = self._commit(partial(_enroll, chunk, position, entries, self._recall))
            await self._entering.put((chunk, requests, enrolments))
            self._sections += len(entries)
            if chunk.done:
                position += 1
                self._documents += 1
            if sample is not None and self._sections >= sample:
                if not chunk.done:
                    self._emit(events.DocumentRead(path, "partial", 0, len(entries)))
                return
        self.listed_all = True

    async def _entered(self) -> None:
        """Pass on the units that are to be called, in order, once their entry is durable."""
        while (item := await self._entering.get()) is not None:
            chunk, requests, entering = item
            enrolments = await entering
            self._emit(_counted(enrolments))
            if chunk.done:
                read = chunk.document
                self._emit(events.DocumentRead(read.path, read.status, read.bytes, read.sections, read.error))
            for section, request, enrolment in zip(chunk.sections, requests, enrolments, strict=True):
                if enrolment.place is Place.NEW:
                    heading = section.heading[-1] if section.heading else ""
                    await self._units.put(Unit(enrolment.unit, request, chunk.document.path, heading))
        await self._units.put(None)

    async def _call_all(self, group: asyncio.TaskGroup) -> None:
        """Open units one after the other, as there is room."""
        while (unit := await self._units.get()) is not None:
            await self._room.acquire()
            task = group.create_task(self._work(unit))
            task.add_done_callback(self._make_room)
            self._prepare(task)

    def _prepare(self, task: "asyncio.Task[None]") -> None:
        self._preparing.add(task)
        task.add_done_callback(self._preparing.discard)

    def _make_room(self, _task: "asyncio.Task[None]") -> None:
        self._room.release()

    # One unit.

    async def _work(self, unit: Unit) -> None:
        """Call for a unit until it has a status, or the run stops."""
        failures, first = 0, False
        while self.stopped is None:
            cost = self._meter.reservation(unit.request)
            try:
                permit = await self._gate.acquire(cost, first=first)
            except GateClosedError:
                return
            except ExhaustedError:
                self.stop(_SPENT)
                return
            except NeverFitsError as error:
                if error.quota == MONEY:
                    self.stop(_SPENT)
                    return
                await self._cannot_fit(unit, error)
                return
            reply, status = await self._attempt(unit, permit, failures)
            if status is not Status.NEW:
                self._judge(unit, reply, status)
                return
            first = reply.outcome is Outcome.THROTTLED
            if reply.outcome in (Outcome.TRANSIENT, Outcome.UNKNOWN) and self.stopped is None:
                failures += 1
                self._emit(events.Retrying())
                await asyncio.sleep(max(backoff(failures, self._uniform()), clamp(reply.retry_after or 0.0)))

    async def _attempt(self, unit: Unit, permit: Permit, failures: int) -> tuple[Reply, Status]:
        """One POST between two durable writes. From here on only `abort` cancels the task."""
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self._preparing.discard(task)
        self._calling.add(task)
        settled = False
        try:
            attempt = await self._commit(partial(_open_attempt, unit.id))
            reply = await self._send(unit, attempt)
            settled = True
            self._settle(permit, reply)
            status, permanent = self._policy.status(reply.outcome, failures + 1)
            usage = reply.answer.usage if reply.answer else None
            closing = Closing(
                attempt=attempt,
                outcome=reply.outcome,
                status=status,
                latency=reply.latency,
                answer=reply.answer,
                code=reply.code,
                message=reply.message,
                request_id=reply.request_id,
                cost_usd=self._meter.model.cost(usage) if usage else None,
                permanent=permanent,
            )
            await self._commit(partial(_close_attempt, closing, unit.request.key, self._recall))
            self._closed += 1
            return reply, status
        finally:
            if not settled:
                permit.keep()
            self._calling.discard(task)
            self._preparing.add(task)

    async def _send(self, unit: Unit, attempt: int) -> Reply:
        if self.stopped is not None:
            return Reply(Outcome.CANCELLED, 0.0, message="the run stopped before the call was sent")
        self._restraint.sent()
        self._emit(events.CallSent())
        sent_at = asyncio.get_running_loop().time()
        body = unit.request.wire(f"{self._run_id}-{attempt}")
        reply = await self._transport.send(self._recipe.model, body, self._policy.call_timeout)
        self._ended_calls += 1
        self._emit(self._ended(reply))
        if reply.outcome is Outcome.THROTTLED:
            if pause := self._restraint.throttled(sent_at, reply.retry_after):
                self._emit(events.Paused(pause, reply.message or reply.code))
        elif reply.answer is not None:
            self._meter.learn(unit.request, reply.answer.usage)
            self._restraint.answered()
        return reply

    def _ended(self, reply: Reply) -> events.CallEnded:
        if reply.answer is None:
            return events.CallEnded(reply.outcome, reply.latency, sent=reply.sent)
        usage = reply.answer.usage
        tokens = self._meter.actual(usage)[TOKENS]
        return events.CallEnded(reply.outcome, reply.latency, usage, self._meter.model.cost(usage), tokens)

    def _settle(self, permit: Permit, reply: Reply) -> None:
        """Give back what the call did not use; what is unknown counts as used."""
        if reply.answer is not None:
            permit.settle(self._meter.actual(reply.answer.usage))
        elif reply.outcome is Outcome.UNKNOWN:
            permit.keep()
        else:
            permit.refund()

    async def _cannot_fit(self, unit: Unit, error: NeverFitsError) -> None:
        message = f"this section {error}; use a smaller --section-tokens or --max-tokens, or a larger quota"
        await self._commit(partial(_fail, unit.id, "NeverFits", message))
        self._judge(unit, Reply(Outcome.CANCELLED, 0.0, code="NeverFits", message=message), Status.FAILED)

    def _judge(self, unit: Unit, reply: Reply, status: Status) -> None:
        """A unit has its status: tell, and stop where going on makes no sense."""
        code, message = reply.code, reply.message
        if reply.answer is not None and status is Status.INCOMPLETE:
            code, message = reply.answer.stop_reason, reply.answer.why_incomplete
        self._emit(events.UnitClosed(status, unit.document, unit.heading, code, message))
        if (stop := self._stopper.after(reply, status)) is not None:
            self.stop(stop)

    # Stopping.

    def stop(self, stop: Stop) -> None:
        """Start no new call; those in flight may finish within the grace period. The first reason stays."""
        if not self._stopper.stop(stop):
            return
        self._emit(events.Stopping(stop.reason, stop.hint))
        self._gate.close()
        current = asyncio.current_task()
        for task in self._preparing - {current}:
            task.cancel()
        self._grace = asyncio.get_running_loop().call_later(self._policy.grace, self.abort)

    def abort(self) -> None:
        """Withdraw the calls in flight: whether they are paid for is unknown, and the record says so."""
        if self._gate.in_flight:
            text = f"calls in flight that were given up: {self._gate.in_flight}; they may have been paid for"
            self._emit(events.Notice(text, "the next run calls for them again, or holds them (--on-unknown hold)"))
        for task in self._preparing | self._calling:
            task.cancel()


def _first(chunk: Chunk, sections: int) -> Chunk:
    """Of a chunk, so many sections; a document that is cut short is not read to its end."""
    if len(chunk.sections) <= sections:
        return chunk
    return replace(chunk, sections=chunk.sections[:sections], done=False)


def _enroll(chunk: Chunk, position: int, entries: list[Entry], recall: Recall, store: Store) -> list[Enrolment]:
    document = store.meet(chunk.document.path, position)
    enrolments = store.enroll(document, entries, recall) if entries else []
    if chunk.done:
        store.finish(document, chunk.document)
    return enrolments


def _open_attempt(unit: int, store: Store) -> int:
    return store.open_attempt(unit)


def _close_attempt(closing: Closing, key: bytes, recall: Recall, store: Store) -> None:
    store.close_attempt(closing)
    if closing.status is Status.OK and closing.answer is not None:
        recall.keep(key, closing.answer)


def _fail(unit: int, code: str, message: str, store: Store) -> None:
    store.fail(unit, code, message)


def _counted(enrolments: list[Enrolment]) -> events.Enrolled:
    counts = dict.fromkeys((str(place) for place in Place), 0)
    for enrolment in enrolments:
        counts[enrolment.place] += 1
    return events.Enrolled(**counts)
