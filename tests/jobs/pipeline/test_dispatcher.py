"""Whole runs in virtual time: every unit called once, limits kept, stops in time."""

import asyncio
import itertools
import random
import time
from collections.abc import AsyncIterator, Callable

import pytest
from answers import answer
from virtual_runs import (
    FATAL,
    INVALID,
    MODEL,
    OK,
    RECIPE,
    THROTTLED,
    TRANSIENT,
    UNKNOWN,
    Service,
    many,
    run,
    texts,
)

from jobs.bedrock.catalogue import look_up
from jobs.documents.parsing import Chunk
from jobs.errors import StorageError
from jobs.pipeline import events
from jobs.pipeline.dispatcher import LOOKAHEAD, Dispatcher
from jobs.pipeline.stopping import Cause, MaxFailures, Policy, Stop
from jobs.pipeline.work_queue import MAX_UNITS
from jobs.record.memory_record import MemoryRecord
from jobs.record.protocol import Status
from jobs.requests.cost import REQUESTS, Meter
from jobs.requests.reply import Reply
from ratelimit import virtual_time
from ratelimit.discovery.controller import Controller
from ratelimit.gate import Gate
from ratelimit.known_quota import KnownQuota
from ratelimit.quota_book import QuotaBook
from ratelimit.slow_start import PROBES


def test_every_section_is_called_once():
    ran = run(many(2000))
    assert ran.statuses == {Status.OK: 2000}
    assert ran.calls == 2000
    assert ran.service.most_in_flight == 64
    assert ran.dispatcher.listed_all
    assert ran.dispatcher.stopped is None


def test_ten_thousand_identical_sections_cost_one_call():
    ran = run([c for n in range(100) for c in texts(*["same"] * 100, document=f"{n}.md")])
    assert ran.calls == 1
    assert ran.stats.snapshot().duplicates == 9_999


def test_max_in_flight_is_used_fully():
    ran = run(many(2000), max_in_flight=100)
    assert ran.took == pytest.approx(1.0 + 2000 / 100, abs=2.0)


def test_a_configured_quota_is_used_fully_and_never_exceeded():
    ran = run(many(2000), rpm=600, max_in_flight=1000)
    assert ran.took == pytest.approx(200, abs=3)
    snapshot = ran.stats.snapshot()
    assert snapshot.throttled == 0
    starts = [at for at, _ in ran.service.ledger]
    assert all(later - earlier >= 10 - 1.01 for earlier, later in zip(starts, starts[100:], strict=False))


def test_a_configured_quota_is_used_though_half_of_the_calls_are_throttled_at_random():
    uniform = random.Random(1).random
    limiters = {REQUESTS: KnownQuota(100.0, 100.0)}
    ran = run(
        many(4000),
        lambda number, body: THROTTLED if uniform() < 0.5 else OK,
        limiters=limiters,
        max_in_flight=500,
    )
    assert ran.statuses == {Status.OK: 4000}
    assert 80 <= ran.took <= 170  # a minute goes by before it is clear


def test_few_calls_start_before_the_first_answer():
    ran = run(many(400), latency=0.2)
    assert sum(at < 0.19 for at, _ in ran.service.ledger) == PROBES


def test_slow_first_answers_delay_the_rest_only_briefly():
    ran = run(many(400), latency=30.0)
    assert sum(at < 1.0 for at, _ in ran.service.ledger) == PROBES
    assert sum(at < 8.0 for at, _ in ran.service.ledger) == 64


def test_a_throttled_call_costs_no_attempt():
    ran = run(many(200), lambda number, _: THROTTLED if number % 3 else OK, policy=Policy(max_attempts=1))
    assert ran.statuses == {Status.OK: 200}
    assert ran.stats.snapshot().throttled == ran.calls - 200
    assert ran.stats.snapshot().retried == 0


@pytest.mark.parametrize("limiter", [Controller(), KnownQuota(100.0, 100.0)], ids=["learned", "configured"])
def test_ten_minutes_of_throttling_lose_nothing(limiter):
    def answering(number: int, _: bytes) -> Reply:
        return THROTTLED if asyncio.get_running_loop().time() < 600 else OK

    ran = run(many(200), answering, limiters={REQUESTS: limiter})
    assert ran.statuses == {Status.OK: 200}
    assert ran.calls < 200 + 64 * 60


def test_the_wall_clock_has_no_effect(monkeypatch):
    """It jumps by a day, forwards and back."""
    expected = run(many(400), rpm=600)
    jumps = itertools.cycle([86_400.0, -86_400.0, 0.0])
    wall_clock = time.time
    monkeypatch.setattr(time, "time", lambda: wall_clock() + next(jumps))
    ran = run(many(400), rpm=600)
    assert (ran.took, ran.calls, ran.service.ledger) == (expected.took, expected.calls, expected.service.ledger)


def test_transient_failures_are_retried_up_to_max_attempts():
    ran = run(many(200), lambda _, body: TRANSIENT if b"text 3 7" in body else OK, policy=Policy(max_attempts=3))
    assert ran.statuses == {Status.OK: 199, Status.FAILED: 1}
    assert ran.calls == 202
    assert ran.stats.snapshot().retried == 2


@pytest.mark.parametrize(("hold", "calls", "status"), [(False, 40, Status.OK), (True, 20, Status.HELD)])
def test_an_unknown_outcome_is_retried_or_held(hold, calls, status):
    ran = run(many(20), lambda number, _: UNKNOWN if number < 20 else OK, policy=Policy(hold_unknown=hold))
    assert (ran.calls, ran.statuses) == (calls, {status: 20})


def test_an_invalid_unit_fails_alone():
    ran = run(many(200), lambda _, body: INVALID if b"text 3 7" in body else OK)
    assert ran.statuses == {Status.OK: 199, Status.FAILED: 1}
    closed = [event for event in ran.seen if isinstance(event, events.UnitClosed) and event.status == "failed"]
    assert [(event.document, event.heading, event.code) for event in closed] == [("3.md", "H", "ValidationException")]


@pytest.mark.parametrize(("reply", "cause"), [(FATAL, Cause.ACCESS), (INVALID, Cause.FAILURES)])
def test_few_calls_are_sent_if_every_call_is_rejected(reply, cause):
    ran = run(many(2000), lambda *_: reply, max_in_flight=1000, latency=0.1)
    assert ran.dispatcher.stopped is not None
    assert ran.dispatcher.stopped.cause is cause
    assert ran.calls <= 2 * PROBES + 10


def test_a_section_larger_than_the_quota_fails_alone_with_a_reason():
    ran = run(many(20), rpm=0.5)
    assert ran.statuses == {Status.FAILED: 20}
    assert ran.calls == 0
    messages = {event.message for event in ran.seen if isinstance(event, events.UnitClosed)}
    assert len(messages) == 1
    assert "requests a minute" in messages.pop()


def test_a_budget_is_spent_and_never_exceeded():
    one = look_up(MODEL).cost(answer().usage)
    assert one
    worst = look_up(MODEL).worst_cost(400, 100)
    assert worst
    budget = worst + 50 * one
    ran = run(many(2000), budget=budget, max_in_flight=10)
    spent = ran.stats.snapshot().cost_usd
    assert spent is not None
    assert budget - worst <= spent <= budget
    assert ran.dispatcher.stopped is not None
    assert ran.dispatcher.stopped.cause is Cause.BUDGET


@pytest.mark.parametrize("operation", ["enroll", "open", "close"])
def test_a_record_that_fails_stops_the_run_and_calls_in_flight_finish(monkeypatch, operation):
    work, calls = getattr(MemoryRecord, operation), []

    def failing(self: MemoryRecord, *args: object, **kwargs: object) -> object:
        calls.append(asyncio.get_running_loop().time())
        if (operation == "enroll" and len(calls) < 20) or (len(calls) < 200 and operation != "enroll"):
            return work(self, *args, **kwargs)
        failed = asyncio.get_running_loop().create_future()
        failed.set_exception(StorageError("the journal cannot be used", "hint"))
        return failed

    monkeypatch.setattr(MemoryRecord, operation, failing)
    ran = run(many(2000))
    assert ran.dispatcher.stopped == Stop(Cause.STORAGE, "the journal cannot be used", "hint")
    assert ran.service.cancelled == 0
    assert ran.calls < 1000
    if operation == "close":
        assert len(calls) == ran.calls
        assert len([at for at, _ in ran.service.ledger if at > calls[199]]) == 0


def test_max_failures_stop_the_run():
    ran = run(
        many(2000),
        lambda number, _: INVALID if number % 2 else OK,
        policy=Policy(max_failures=MaxFailures(count=5)),
        max_in_flight=1,
    )
    assert ran.statuses[Status.FAILED] == 5
    assert ran.calls == 10


def stopping(at: float, *, abort_at: float | None = None) -> Callable[[Dispatcher], None]:
    def arrange(dispatcher: Dispatcher) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(at, dispatcher.stop, Stop(Cause.SIGNAL, "SIGTERM"))
        if abort_at is not None:
            loop.call_later(abort_at, dispatcher.abort)

    return arrange


def test_after_a_stop_no_call_starts_and_calls_in_flight_finish():
    ran = run(many(2000), during=stopping(5.5))
    assert max(at for at, _ in ran.service.ledger) < 5.5
    assert ran.statuses[Status.OK] == ran.calls
    assert ran.service.cancelled == 0
    assert ran.took < 7


def test_a_run_stopped_before_its_start_makes_no_call():
    ran = run(many(2000), during=lambda dispatcher: dispatcher.stop(Stop(Cause.SIGNAL, "SIGTERM")))
    assert (ran.calls, ran.took, ran.statuses) == (0, 0.0, {})


def test_the_number_of_tasks_follows_the_calls_in_flight():
    most = 0

    def answering(number: int, body: bytes) -> Reply:
        nonlocal most
        most = max(most, len(asyncio.all_tasks()))
        return OK

    ran = run(many(2000), answering, max_in_flight=16)
    assert ran.statuses == {Status.OK: 2000}
    assert most <= 1 + 2 + 16 + LOOKAHEAD + 1


def test_calls_in_flight_are_cancelled_after_the_grace_period():
    ran = run(many(2000), latency=100.0, policy=Policy(grace=10), during=stopping(8.5))
    assert ran.took == pytest.approx(18.5, abs=0.01)
    assert ran.service.cancelled == ran.calls == 64
    # Their attempts stay open in the record: the next run counts them as unknown.
    assert len(ran.record.open_attempts) == 64


def test_abort_cancels_calls_in_flight_at_once():
    ran = run(many(2000), latency=100.0, during=stopping(8.5, abort_at=9.0))
    assert ran.took == pytest.approx(9.0, abs=0.01)
    assert ran.service.cancelled == 64


def test_a_stop_ends_backoff_and_waits_at_the_gate():
    ran = run(many(2000), lambda *_: TRANSIENT, rpm=60, policy=Policy(max_attempts=50), during=stopping(30.0))
    assert ran.took < 32


def test_a_reading_error_lets_calls_in_flight_finish_and_is_raised():
    async def source() -> AsyncIterator[Chunk]:
        for chunk in many(2000):
            yield chunk
        raise OSError("no more processes")

    service = Service(lambda *_: OK, 1.0)

    async def main() -> None:
        dispatcher = Dispatcher(
            template=RECIPE, meter=Meter(look_up(MODEL)), record=MemoryRecord(),
            transport=service, gate=Gate(QuotaBook({}), 64), policy=Policy(), emit=lambda event: None,
            uniform=random.Random(1).random, run_id="r",
        )  # fmt: skip
        with pytest.raises(OSError, match="no more processes"):
            await dispatcher.run(source())
        assert asyncio.get_running_loop().time() < max(at for at, _ in service.ledger) + 1.1

    virtual_time.run(main())
    assert service.cancelled == 0


def test_memory_does_not_grow_with_the_input():
    """Chunks are not read faster than calls are made."""
    pulled = 0

    async def source() -> AsyncIterator[Chunk]:
        nonlocal pulled
        for chunk in many(20_000):
            pulled += 1
            yield chunk

    async def main() -> None:
        service, record = Service(lambda *_: OK, 10.0), MemoryRecord()
        dispatcher = Dispatcher(
            template=RECIPE, meter=Meter(look_up(MODEL)), record=record,
            transport=service, gate=Gate(QuotaBook({}), 64), policy=Policy(), emit=lambda event: None,
            uniform=random.Random(1).random, run_id="r",
        )  # fmt: skip
        task = asyncio.create_task(dispatcher.run(source()))
        await asyncio.sleep(9.0)
        assert pulled * 20 <= 64 + MAX_UNITS + 20
        dispatcher.stop(Stop(Cause.SIGNAL, "enough"))
        dispatcher.abort()
        await task

    virtual_time.run(main())
