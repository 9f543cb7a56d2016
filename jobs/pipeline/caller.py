"""Calls a unit until it has a status: permit -> attempt opened -> call sent -> attempt closed, each durably.

The outcome of a call settles its quotas, drives the breaker and may stop the run.
"""

import asyncio
import math
from collections.abc import Callable

from jobs.pipeline import events
from jobs.pipeline.stopping import Cause, Policy, Stop, Stopper
from jobs.pipeline.transport import Transport
from jobs.pipeline.work_queue import Unit
from jobs.record.protocol import Record, Status
from jobs.requests.answer import Answer
from jobs.requests.cost import CONTEXT, MONEY, QUOTAS, Meter
from jobs.requests.fallback import local_answer
from jobs.requests.reply import Reply, nothing
from ratelimit.breaker import Judgement, Transition
from ratelimit.errors import ExhaustedError, GateClosedError, NeverFitsError, OutageError
from ratelimit.gate import Gate, Permit
from ratelimit.outcome import Outcome
from ratelimit.retry import RetryBudget, backoff, clamp
from ratelimit.slow_start import SlowStart

_BUDGET_REACHED = Stop(Cause.BUDGET, "the next call could exceed the budget")
_OUTAGE_HINT = "check endpoint and network, or run again later; --on-outage wait waits for the service"


class Caller:
    """Calls units; one instance for all workers of a run."""

    def __init__(
        self,
        *,
        model: str,
        meter: Meter,
        record: Record,
        transport: Transport,
        gate: Gate,
        slow_start: SlowStart,
        policy: Policy,
        stopper: Stopper,
        stop: Callable[[Stop], None],
        permitted: Callable[[Unit], None],
        emit: events.Emit,
        uniform: Callable[[], float],
        run_id: str,
    ) -> None:
        """`permitted` is called for each unit that gets a permit; `uniform` returns numbers in [0, 1), for jitter."""
        self._model, self._meter, self._record = model, meter, record
        self._transport, self._gate, self._slow_start, self._policy = transport, gate, slow_start, policy
        self._stopper, self._stop, self._permitted, self._emit = stopper, stop, permitted, emit
        self._uniform, self._run_id = uniform, run_id
        self._retry_budget = RetryBudget()
        self._paused_until = -math.inf
        self._last_failure = ""
        gate.on_transition = self._breaker_changed
        self.busy: set[int] = set()
        """Ids of units between permit and closed attempt: only `Dispatcher.abort` may cancel their tasks."""
        self.ended = self.closed = 0
        """Calls ended, and attempts closed."""

    async def call(self, unit: Unit) -> None:
        """Call a unit until it has a status, or the run stops."""
        failures, is_retry, has_failed = 0, False, False
        while self._stopper.stopped is None:
            permit = await self._permit(unit, is_retry=is_retry)
            if permit is None:
                return
            if not is_retry:
                self._retry_budget.called(self._gate.now())
            reply, status, failures = await self._attempt(unit, permit, failures, is_retry=has_failed)
            if reply.isolated and reply.outcome is Outcome.UNKNOWN:
                self._stop_if(self._stopper.after_isolated(reply))
            if status is not Status.NEW:
                self._close_unit(unit, reply, status)
                return
            # After a probe of unknown outcome another unit goes first: attempts of a unit are limited.
            is_retry = not (permit.probe and reply.outcome is Outcome.UNKNOWN)
            if reply.outcome in (Outcome.TRANSIENT, Outcome.UNKNOWN) and self._stopper.stopped is None:
                has_failed = True
                self._emit(events.Retrying(_reason(reply)))
                if not self._gate.outage:  # in an outage the gate holds the unit
                    delay = self._retry_budget.delay(self._gate.now())
                    await asyncio.sleep(max(backoff(failures, self._uniform()), delay))

    async def _permit(self, unit: Unit, *, is_retry: bool) -> Permit | None:
        """Wait for a permit; None if the unit must not be called."""
        try:
            return await self._gate.acquire(self._meter.reservation(unit.request), is_retry=is_retry)
        except GateClosedError:
            pass
        except ExhaustedError:
            self._stop(_BUDGET_REACHED)
        except OutageError:
            message = f"excerpt used during an outage ({self._last_failure}); run again to call the model"
            answer = local_answer(unit.request, unit.heading)
            await self._close_uncalled(unit, Status.FALLBACK, "Outage", message, answer)
        except NeverFitsError as error:
            if error.quota == MONEY:
                self._stop(_BUDGET_REACHED)
            else:
                await self._close_uncalled(unit, Status.FAILED, "NeverFits", _never_fits(error))
        return None

    async def _attempt(self, unit: Unit, permit: Permit, failures: int, *, is_retry: bool) -> tuple[Reply, Status, int]:
        """One call between two durable writes.

        `failures` are the failed attempts of the unit so far that count against --max-attempts; returned with this one.
        """
        self.busy.add(unit.id)
        self._permitted(unit)
        settled, release = False, nothing
        try:
            attempt = await self._record.open(unit.id, self._meter.largest_cost(unit.request))
            sent_at = self._gate.now()
            reply = await self._send(unit, attempt, is_retry=is_retry)
            settled, release = True, reply.release
            self._settle(permit, reply, sent_at)
            failures += self._counts(reply)
            status, permanent = self._policy.status(reply.outcome, failures)
            cost = self._meter.model.cost(reply.answer.usage) if reply.answer else None
            await self._record.close(attempt, reply, status, cost_usd=cost, permanent=permanent)
            self.closed += 1
            return reply, status, failures
        finally:
            if not settled:
                permit.keep(Judgement.NEUTRAL)
            release()
            self.busy.discard(unit.id)

    async def _send(self, unit: Unit, attempt: int, *, is_retry: bool) -> Reply:
        if self._stopper.stopped is not None:
            return Reply(Outcome.CANCELLED, 0.0, message="the run stopped before the call was sent", sent=False)
        self._slow_start.sent()
        self._emit(events.CallSent(is_retry))
        body = unit.request.wire(f"{self._run_id}-{attempt}")
        reply = await self._transport.send(self._model, body, self._policy.call_timeout)
        self.ended += 1
        if reply.answer is None:
            self._emit(events.CallEnded(reply.outcome, reply.latency, sent=reply.sent, is_retry=is_retry))
            return reply
        usage, meter = reply.answer.usage, self._meter
        cost, quota_tokens = meter.model.cost(usage), meter.charged(usage)
        self._emit(events.CallEnded(reply.outcome, reply.latency, usage, cost, quota_tokens))
        meter.learn(unit.request, usage)
        return reply

    def _settle(self, permit: Permit, reply: Reply, sent_at: float) -> None:
        """Return what the call did not use; a call of unknown outcome used all of its reservation."""
        judgement = reply.judgement
        if judgement is Judgement.FAILURE:
            self._last_failure = _reason(reply)
        if reply.retry_after is not None:
            self._pause(reply, reply.retry_after)
        if reply.answer is not None:
            permit.settle(self._meter.actual(reply.answer.usage), judgement)
            self._slow_start.answered()  # after the quotas are settled, as it lets more calls start
        elif reply.outcome is Outcome.THROTTLED:
            permit.throttled(QUOTAS.get(reply.quota, ""))
        elif reply.outcome is Outcome.UNKNOWN:
            permit.keep(judgement)
        else:
            permit.refund(judgement)

    def _pause(self, reply: Reply, retry_after: float) -> None:
        """Obey a Retry-After for all calls. Replies of one burst ask for about the same pause: emit one event."""
        seconds = clamp(retry_after)
        self._gate.pause(seconds)
        until = self._gate.now() + seconds
        if until > self._paused_until + 1.0:
            self._paused_until = until
            self._emit(events.Paused(seconds, reply.message or reply.code))

    def _counts(self, reply: Reply) -> bool:
        """Whether a call counts against --max-attempts: an outage parks units, it does not fail them."""
        if reply.outcome is Outcome.TRANSIENT:
            return not self._gate.outage
        return reply.outcome is Outcome.UNKNOWN

    def _breaker_changed(self, transition: Transition) -> None:
        reason = transition.reason
        if transition.new == "open":
            reason += f"; last failure: {self._last_failure.rstrip('.')}"
        self._emit(events.BreakerChanged(transition.old, transition.new, reason, transition.seconds))
        if transition.new == "open" and self._policy.on_outage == "fail":
            self._stop(Stop(Cause.UNAVAILABLE, f"the service is unavailable: {reason}", _OUTAGE_HINT))

    async def _close_uncalled(
        self, unit: Unit, status: Status, code: str, message: str, answer: Answer | None = None
    ) -> None:
        await self._record.close_uncalled(unit.id, status, code, message, answer)
        self._close_unit(unit, Reply(Outcome.CANCELLED, 0.0, code=code, message=message), status)

    def _close_unit(self, unit: Unit, reply: Reply, status: Status) -> None:
        """Report the status of a unit, and stop the run if going on is pointless."""
        code, message = reply.code, reply.message
        if reply.answer is not None and status is Status.INCOMPLETE:
            code, message = reply.answer.stop_reason, reply.answer.why_incomplete
        self._emit(events.UnitClosed(status, unit.document, unit.heading, code, message))
        self._stop_if(self._stopper.after(reply, status))

    def _stop_if(self, stop: Stop | None) -> None:
        if stop is not None:
            self._stop(stop)


def _never_fits(error: NeverFitsError) -> str:
    larger = "a model with a larger context" if error.quota == CONTEXT else "a larger quota"
    # Without the size of the call, so that the same reason has the same text.
    limit = f"the call needs more than the limit of {error.max_cost:,.0f} {error.quota}"
    return f"{limit}; use a smaller --section-tokens or --max-tokens, or {larger}"


def _reason(reply: Reply) -> str:
    return ": ".join(part for part in (reply.code, reply.message) if part)
