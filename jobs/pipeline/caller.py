"""One unit until it has a status: permit -> attempt open, durably -> send -> attempt closed with its answer, durably.

What becomes of the calls steers the gate, its breaker and the stopper.
"""

import asyncio
from collections.abc import Callable
from functools import partial

from jobs.pipeline import events
from jobs.pipeline.stopping import Cause, Policy, Stop, Stopper
from jobs.pipeline.transport import Reply, Transport
from jobs.pipeline.work_queue import Unit
from jobs.record.protocol import AnswerCache, AttemptResult, Record, Status
from jobs.record.writer import Commit
from jobs.requests.answer import Answer
from jobs.requests.cost import CONTEXT, MONEY, QUOTAS, Meter
from jobs.requests.fallback import local_answer
from ratelimit.breaker import Judgement, Transition
from ratelimit.errors import ExhaustedError, GateClosedError, NeverFitsError, OutageError
from ratelimit.gate import Gate, Permit
from ratelimit.outcome import Outcome
from ratelimit.retry import Holdback, RetryBudget, backoff
from ratelimit.slow_start import SlowStart

_SPENT = Stop(Cause.BUDGET, "the budget has not enough left for what the next call may cost")


class Caller:
    """Calls for units, one at a time, as often as it takes."""

    def __init__(
        self,
        *,
        model: str,
        meter: Meter,
        commit: Commit,
        cache: AnswerCache,
        transport: Transport,
        gate: Gate,
        policy: Policy,
        stopper: Stopper,
        stop: Callable[[Stop], None],
        let_through: Callable[[Unit], None],
        emit: events.Emit,
        uniform: Callable[[], float],
        run_id: str,
    ) -> None:
        """`let_through` is told of each unit that the gate has given a permit."""
        self._model, self._meter, self._commit, self._cache = model, meter, commit, cache
        self._transport, self._gate, self._policy, self._emit = transport, gate, policy, emit
        self._stopper, self._stop, self._let_through = stopper, stop, let_through
        self._uniform, self._run_id = uniform, run_id
        self._slow_start = SlowStart(gate, lambda: stopper.suspicious)
        self._holdback, self._budget = Holdback(), RetryBudget()
        self._last_failure = ""
        gate.on_transition = self._breaker_changed
        self.busy: set[int] = set()
        """Units between permit and closed attempt, by id: only `abort` may cancel their tasks."""
        self.ended = self.closed = 0
        """Calls that came to an end, and attempts that were closed, so far."""

    async def work(self, unit: Unit) -> None:
        """Call for a unit until it has a status, or the run stops."""
        failures, is_retry, has_failed = 0, False, False
        while self._stopper.stopped is None:
            permit = await self._permit(unit, is_retry=is_retry)
            if permit is None:
                return
            if not is_retry:
                self._budget.called(self._gate.now())
            reply, status, failures = await self._attempt(unit, permit, failures, is_retry=has_failed)
            if status is not Status.NEW:
                self._judge(unit, reply, status)
                return
            # A probe whose outcome is unknown makes room for another unit's: its attempts are counted.
            is_retry = not (permit.probe and reply.outcome is Outcome.UNKNOWN)
            if reply.outcome in (Outcome.TRANSIENT, Outcome.UNKNOWN) and self._stopper.stopped is None:
                has_failed = True
                self._emit(events.Retrying(_why(reply)))
                if not self._gate.outage:  # else the gate parks it
                    await asyncio.sleep(max(backoff(failures, self._uniform()), self._budget.delay(self._gate.now())))

    async def _permit(self, unit: Unit, *, is_retry: bool) -> Permit | None:
        """Leave to call; None if the unit is not to be called (any more)."""
        try:
            return await self._gate.acquire(self._meter.reservation(unit.request), is_retry=is_retry)
        except GateClosedError:
            pass
        except ExhaustedError:
            self._stop(_SPENT)
        except OutageError:
            await self._fall_back(unit)
        except NeverFitsError as error:
            if error.quota == MONEY:
                self._stop(_SPENT)
            else:
                await self._cannot_fit(unit, error)
        return None

    async def _attempt(self, unit: Unit, permit: Permit, failures: int, *, is_retry: bool) -> tuple[Reply, Status, int]:
        """One POST between two durable writes; the failures count on. From here on only `abort` cancels the task."""
        self.busy.add(unit.id)
        self._let_through(unit)
        settled = False
        try:
            attempt = await self._commit(partial(_open_attempt, unit.id))
            sent_at = self._gate.now()
            reply = await self._send(unit, attempt, is_retry=is_retry)
            settled = True
            self._settle(permit, reply, sent_at)
            failures += self._counts(reply)
            status, permanent = self._policy.status(reply.outcome, failures)
            usage = reply.answer.usage if reply.answer else None
            closing = AttemptResult(
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
            await self._commit(partial(_close_attempt, closing, unit.request.key, self._cache))
            self.closed += 1
            return reply, status, failures
        finally:
            if not settled:
                permit.keep(Judgement.NEUTRAL)
            self.busy.discard(unit.id)

    async def _send(self, unit: Unit, attempt: int, *, is_retry: bool) -> Reply:
        if self._stopper.stopped is not None:
            return Reply(Outcome.CANCELLED, 0.0, message="the run stopped before the call was sent")
        self._slow_start.sent()
        self._emit(events.CallSent(is_retry))
        body = unit.request.wire(f"{self._run_id}-{attempt}")
        reply = await self._transport.send(self._model, body, self._policy.call_timeout)
        self.ended += 1
        self._emit(self._ended(reply, is_retry=is_retry))
        if reply.answer is not None:
            self._meter.learn(unit.request, reply.answer.usage)
            self._slow_start.answered()
            self._holdback.answered()
        return reply

    def _ended(self, reply: Reply, *, is_retry: bool) -> events.CallEnded:
        if reply.answer is None:
            return events.CallEnded(reply.outcome, reply.latency, sent=reply.sent, is_retry=is_retry)
        usage, meter = reply.answer.usage, self._meter
        return events.CallEnded(reply.outcome, reply.latency, usage, meter.model.cost(usage), meter.charged(usage))

    def _settle(self, permit: Permit, reply: Reply, sent_at: float) -> None:
        """Give back what the call did not use; what is unknown counts as used."""
        judgement, throttled = reply.judgement, reply.outcome is Outcome.THROTTLED
        if judgement is Judgement.FAILURE:
            self._last_failure = _why(reply)
        quota = QUOTAS.get(reply.quota, "")
        if reply.retry_after is not None or (throttled and not self._gate.book.learns(quota)):
            self._hold_back(reply, sent_at)
        if reply.answer is not None:
            permit.settle(self._meter.actual(reply.answer.usage), judgement)
        elif throttled:
            permit.throttled(quota)
        elif reply.outcome is Outcome.UNKNOWN:
            permit.keep(judgement)
        else:
            permit.refund(judgement)

    def _counts(self, reply: Reply) -> bool:
        """Whether a call counts against --max-attempts: an outage parks the batch, it does not fail its units."""
        if reply.outcome is Outcome.TRANSIENT:
            return not self._gate.outage
        return reply.outcome is Outcome.UNKNOWN

    def _hold_back(self, reply: Reply, sent_at: float) -> None:
        """Let no call start for a while: a Retry-After is meant for all that we are, whichever call brought it."""
        pause = self._holdback.throttled(self._gate.now(), sent_at, reply.retry_after, self._uniform())
        if pause:
            self._gate.pause(pause)
            self._emit(events.Paused(pause, reply.message or reply.code))

    def _breaker_changed(self, transition: Transition) -> None:
        reason = transition.reason
        if transition.new == "open":
            reason += f"; the last one: {self._last_failure.rstrip('.')}"
        self._emit(events.BreakerChanged(transition.old, transition.new, reason, transition.seconds))
        if transition.new == "open" and self._policy.on_outage == "fail":
            hint = "check endpoint and network, or run again when it is back (--on-outage wait waits for that)"
            self._stop(Stop(Cause.UNAVAILABLE, f"the service is out: {reason}", hint))

    async def _fall_back(self, unit: Unit) -> None:
        code, message = "Outage", f"answered locally, as the service is out ({self._last_failure}); run again later"
        answer = local_answer(unit.request, unit.heading)
        await self._commit(partial(_fall_back, unit.id, answer, code, message))
        self._judge(unit, Reply(Outcome.CANCELLED, 0.0, code=code, message=message), Status.FALLBACK)

    async def _cannot_fit(self, unit: Unit, error: NeverFitsError) -> None:
        larger = "a model with a larger one" if error.quota == CONTEXT else "a larger quota"
        message = f"this section {error}; use a smaller --section-tokens or --max-tokens, or {larger}"
        await self._commit(partial(_fail, unit.id, "NeverFits", message))
        self._judge(unit, Reply(Outcome.CANCELLED, 0.0, code="NeverFits", message=message), Status.FAILED)

    def _judge(self, unit: Unit, reply: Reply, status: Status) -> None:
        """A unit has its status: tell, and stop where going on makes no sense."""
        code, message = reply.code, reply.message
        if reply.answer is not None and status is Status.INCOMPLETE:
            code, message = reply.answer.stop_reason, reply.answer.why_incomplete
        self._emit(events.UnitClosed(status, unit.document, unit.heading, code, message))
        if (stop := self._stopper.after(reply, status)) is not None:
            self._stop(stop)


def _why(reply: Reply) -> str:
    return ": ".join(part for part in (reply.code, reply.message) if part)


def _open_attempt(unit: int, store: Record) -> int:
    return store.open_attempt(unit)


def _close_attempt(closing: AttemptResult, key: bytes, cache: AnswerCache, store: Record) -> None:
    store.close_attempt(closing)
    if closing.status is Status.OK and closing.answer is not None:
        cache.keep(key, closing.answer)


def _fail(unit: int, code: str, message: str, store: Record) -> None:
    store.fail(unit, code, message)


def _fall_back(unit: int, answer: Answer, code: str, message: str, store: Record) -> None:
    store.fall_back(unit, answer, code, message)
