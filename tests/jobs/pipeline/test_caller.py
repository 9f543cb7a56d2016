"""Failing calls in virtual time: outages, throttles, retries."""

import asyncio
import math
import random
from collections import Counter
from collections.abc import Callable, Sequence

import pytest
from virtual_runs import OK, THROTTLED, TRANSIENT, UNKNOWN, Answering, Ran, many, run

from jobs.pipeline import events
from jobs.pipeline.dispatcher import Dispatcher
from jobs.pipeline.stopping import Cause, Policy, Stop
from jobs.record.protocol import Status
from jobs.requests.cost import CONTEXT, REQUESTS, TOKENS
from jobs.requests.reply import Reply
from ratelimit.algorithms.budget import Budget
from ratelimit.algorithms.token_bucket import TokenBucket
from ratelimit.discovery.controller import Controller
from ratelimit.outcome import Outcome
from ratelimit.slow_start import PROBES


def now() -> float:
    return asyncio.get_running_loop().time()


def outage(start: float, end: float, reply: Reply) -> Answering:
    """Every call from `start` to `end` gets this reply."""
    return lambda *_: reply if start <= now() < end else OK


def events_of(ran: Ran, kind: type[events.Event]) -> list[events.Event]:
    return [event for event in ran.seen if isinstance(event, kind)]


def states(ran: Ran) -> list[str]:
    return [event.new for event in ran.seen if isinstance(event, events.BreakerChanged)]


def stopped_at(seconds: float) -> Callable[[Dispatcher], None]:
    def arrange(dispatcher: Dispatcher) -> None:
        asyncio.get_running_loop().call_later(seconds, dispatcher.stop, Stop(Cause.DEADLINE, "enough"))

    return arrange


def unit_of(body: bytes) -> bytes:
    """The part of a body that all attempts of a unit share."""
    return body.split(b'"requestMetadata"')[0]


def starts(ran: Ran, after: float, before: float) -> int:
    """Number of calls sent in the interval."""
    return sum(after < at < before for at, _ in ran.service.ledger)


# Outages.


@pytest.mark.parametrize("max_attempts", [2, 8])
def test_an_outage_parks_units_and_fails_none(max_attempts):
    ran = run(many(2000), outage(10, 610, TRANSIENT), policy=Policy(max_attempts=max_attempts))
    assert ran.statuses == {Status.OK: 2000}
    assert ran.calls < 2000 + 3 * 64
    assert states(ran) == ["open", *["half-open", "open"] * 3, "half-open", "closed"]
    assert ran.took < 610 + 300 + 40


@pytest.mark.parametrize("max_in_flight", [1, 64])
def test_an_hour_of_unknown_outcomes_exhausts_no_unit(max_in_flight):
    """A probe may have been billed, so it counts as an attempt; but every probe is for another unit."""
    ran = run(many(200), outage(0, 3600, UNKNOWN), max_in_flight=max_in_flight)
    assert ran.statuses == {Status.OK: 200}
    most = Counter(unit_of(body) for _, body in ran.service.ledger).most_common(1)[0][1]
    assert most < Policy().max_attempts


def test_each_breaker_transition_is_an_event_with_its_reason():
    ran = run(many(200), outage(2, 30, TRANSIENT), max_in_flight=4)
    assert [(e.old, e.new, e.reason, e.seconds) for e in events_of(ran, events.BreakerChanged)] == [
        ("closed", "open", "5 calls in a row failed; last failure: ServiceUnavailableException", 60.0),
        ("open", "half-open", "sending 3 probes", 0.0),
        ("half-open", "closed", "2 of 3 probes succeeded", 0.0),
    ]


def test_on_outage_fail_stops_the_run_when_the_breaker_opens():
    ran = run(many(2000), lambda *_: TRANSIENT, policy=Policy(on_outage="fail"), latency=0.1)
    assert ran.dispatcher.stopped is not None
    assert ran.dispatcher.stopped.cause is Cause.UNAVAILABLE
    assert "ServiceUnavailableException" in ran.dispatcher.stopped.reason
    assert ran.calls <= 2 * PROBES + 10
    assert ran.statuses.keys() == {Status.NEW}


def test_on_outage_fallback_answers_locally_until_the_service_is_back():
    ran = run(many(8000), outage(10, 40, TRANSIENT), policy=Policy(on_outage="fallback"), rpm=600)
    assert ran.statuses.keys() == {Status.OK, Status.FALLBACK}
    closed = [event for event in ran.seen if isinstance(event, events.UnitClosed)]
    assert len(closed) == 8000
    assert {event.code for event in closed if event.status == "fallback"} == {"Outage"}
    assert ran.stats.snapshot().fallback == ran.statuses[Status.FALLBACK]


def test_an_open_breaker_sends_no_calls():
    ran = run(many(2000), outage(10, 40, TRANSIENT))
    assert ran.statuses == {Status.OK: 2000}
    assert starts(ran, 13, 69) == 0


def test_one_random_failure_in_twenty_is_no_outage():
    """Five failures in a row are one, whatever the rate: at a third of failures they come by chance every 400 calls."""
    uniform = random.Random(5).random
    ran = run(many(2000), lambda *_: UNKNOWN if uniform() < 0.05 else OK, policy=Policy(max_attempts=30))
    assert ran.statuses == {Status.OK: 2000}
    assert states(ran) == []


def test_with_a_third_of_failures_calls_pause_now_and_then_and_every_unit_is_answered():
    uniform = random.Random(5).random
    ran = run(many(2000), lambda *_: UNKNOWN if uniform() < 0.3 else OK, policy=Policy(max_attempts=30))
    assert ran.statuses == {Status.OK: 2000}
    assert 2 <= states(ran).count("open") <= 40


@pytest.mark.parametrize("latency", [0.1, 2.0, 6.0])
@pytest.mark.parametrize("max_in_flight", [1, 64, 1000])
@pytest.mark.parametrize("rpm", [None, 60_000])
def test_an_outage_from_the_start_costs_few_calls_at_any_concurrency(max_in_flight, latency, rpm):
    """Every call fails, as late as an answer would come, and may be billed."""
    ran = run(
        many(2000), lambda *_: UNKNOWN, max_in_flight=max_in_flight, latency=latency, rpm=rpm, during=stopped_at(60)
    )
    assert states(ran)[:1] == ["open"]
    assert starts(ran, -1, 60) <= PROBES * (1 + latency) + 5


@pytest.mark.parametrize("max_in_flight", [64, 1000])
def test_an_outage_in_the_middle_of_a_run_starts_few_more_calls(max_in_flight):
    ran = run(many(20_000), outage(10, 1e9, UNKNOWN), max_in_flight=max_in_flight, during=stopped_at(60))
    (opened,) = [e.reason for e in events_of(ran, events.BreakerChanged)]
    assert opened.startswith("5 calls in a row failed")
    assert starts(ran, 10.0, 60) <= 10


def test_throttling_does_not_open_the_breaker():
    ran = run(many(200), lambda *_: THROTTLED if now() < 600 else OK, limiters={REQUESTS: Controller()})
    assert ran.statuses == {Status.OK: 200}
    assert states(ran) == []


# Throttles.


class CountingLearner(TokenBucket):
    """A learner that counts throttles."""

    def __init__(self) -> None:
        super().__init__(1e6, 1e6)
        self.throttles = 0

    def throttled(self, now: float, taken_at: float, cost: float) -> None:
        self.throttles += 1
        self.correct(now, taken_at, -cost)


def throttling(count: int, quota: str, retry_after: float | None = None) -> Answering:
    throttled = Reply(Outcome.THROTTLED, 0.1, code="ThrottlingException", quota=quota, retry_after=retry_after)
    return lambda number, _: throttled if number < count else OK


@pytest.mark.parametrize(
    ("quota", "learners", "throttles"),
    [
        ("requests", (REQUESTS, TOKENS), [3, 0]),
        ("tokens", (REQUESTS, TOKENS), [0, 3]),
        ("", (REQUESTS, TOKENS), [3, 0]),
        ("", (TOKENS,), [3]),
    ],
)
def test_a_throttle_is_charged_to_the_learner_of_its_quota(quota: str, learners: Sequence[str], throttles: list[int]):
    limiters = {name: CountingLearner() for name in learners}
    ran = run(many(20), throttling(3, quota), limiters=limiters, max_in_flight=3)
    assert ran.statuses == {Status.OK: 20}
    assert [limiter.throttles for limiter in limiters.values()] == throttles
    assert events_of(ran, events.Paused) == []
    assert all(limiter.level <= limiter.limit for limiter in limiters.values())


@pytest.mark.parametrize("learners", [(), (REQUESTS,)])
@pytest.mark.parametrize("outcome", [Outcome.THROTTLED, Outcome.TRANSIENT])
def test_a_retry_after_pauses_all_calls(outcome, learners):
    """A gateway's 429 and 503, with a page for a body."""
    reply = Reply(outcome, 0.1, code="503", message="HTTP 503: Service Temporarily Unavailable", retry_after=20.0)
    ran = run(
        many(200),
        lambda number, _: reply if number == 40 else OK,
        limiters={name: CountingLearner() for name in learners},
    )
    assert ran.statuses == {Status.OK: 200}
    (pause,) = events_of(ran, events.Paused)
    assert (pause.seconds, pause.reason) == (20.0, reply.message)
    at = ran.service.ledger[40][0] + 1.0
    assert starts(ran, at + 0.01, at + 19.9) == 0
    assert starts(ran, at + 19.9, at + 22) > 1


@pytest.mark.parametrize(("asked", "waited"), [(0.0, 0.0), (1e9, 300.0)])
def test_an_absurd_retry_after_is_clamped(asked, waited):
    ran = run(many(20), throttling(1, "requests", retry_after=asked), max_in_flight=1)
    assert ran.statuses == {Status.OK: 20}
    assert ran.service.ledger[1][0] - ran.service.ledger[0][0] - 1.0 == pytest.approx(waited, abs=0.01)


# Retries.


def test_retries_stay_within_the_retry_budget():
    """A third of the units fail once: more than the saved retries and a fifth of the calls together."""
    seen: set[bytes] = set()

    def answering(_: int, body: bytes) -> Reply:
        new = unit_of(body) not in seen
        seen.add(unit_of(body))
        return UNKNOWN if new and len(seen) % 3 == 0 else OK

    ran = run(many(3000), answering, max_in_flight=1000, latency=0.2)
    assert ran.statuses == {Status.OK: 3000}
    assert states(ran) == []
    assert ran.stats.snapshot().retried == 1000
    assert ran.took > (1000 - 100 - 3000 / 5) / 10


def test_a_retry_is_counted_when_its_call_is_sent():
    """In an outage with --on-outage fallback it is never sent."""
    ran = run(many(200), lambda *_: TRANSIENT, policy=Policy(on_outage="fallback"), rpm=120)
    assert ran.statuses == {Status.FALLBACK: 200}
    assert ran.calls == ran.stats.snapshot().calls >= 5
    assert ran.stats.snapshot().retried == ran.calls - len({unit_of(body) for _, body in ran.service.ledger})
    assert len(events_of(ran, events.Retrying)) > ran.stats.snapshot().retried


def test_a_throttled_call_does_not_count_as_a_retry():
    ran = run(many(20), throttling(3, "requests"), max_in_flight=3)
    assert (ran.calls, ran.stats.snapshot().retried, ran.stats.snapshot().throttled) == (23, 0, 3)


def test_retries_go_before_first_calls():
    ran = run(many(200), lambda number, _: TRANSIENT if number == 10 else OK, rpm=60, max_in_flight=10)
    failed = unit_of(ran.service.ledger[10][1])
    again = [at for at, body in ran.service.ledger if unit_of(body) == failed]
    assert again[1] - again[0] < 5


def test_a_unit_larger_than_the_quota_fails_without_a_call_and_names_document_and_limit():
    ran = run(many(20), limiters={TOKENS: TokenBucket(1.0, 50.0)})
    assert ran.calls == 0
    assert ran.statuses == {Status.FAILED: 20}
    (event, *_) = events_of(ran, events.UnitClosed)
    assert (event.document, event.code) == ("0.md", "NeverFits")
    assert event.message.startswith("the call needs more than the limit of 50 tokens a minute; ")


def test_a_unit_larger_than_the_context_fails_without_a_call():
    ran = run(many(20), limiters={CONTEXT: Budget(math.inf)}, most={CONTEXT: 50.0})
    assert ran.calls == 0
    (event, *_) = events_of(ran, events.UnitClosed)
    assert event.message.startswith("the call needs more than the limit of 50 tokens of the model's context; ")
    assert "a model with a larger context" in event.message
