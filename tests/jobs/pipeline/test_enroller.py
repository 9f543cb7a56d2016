"""Open documents share the rate: the real dispatcher in virtual time."""

import asyncio
from collections import Counter
from dataclasses import replace

import pytest
from answers import body as answered
from virtual_runs import OK, THROTTLED, run, texts

from jobs.pipeline import events
from jobs.pipeline.stopping import Cause, Stop
from jobs.pipeline.work_queue import MAX_UNITS_OF_DOCUMENT
from jobs.record.protocol import Status
from jobs.requests.answer import parse
from jobs.requests.cost import TOKENS
from ratelimit.algorithms.token_bucket import TokenBucket

HUGE = texts(*(f"huge {n}" for n in range(1000)), document="huge.md")
SMALL = [chunk for d in range(20) for chunk in texts(*(f"small {d} {n}" for n in range(5)), document=f"{d:02}.md")]


def stopped_after(seconds):
    def arrange(dispatcher):
        loop = asyncio.get_running_loop()
        loop.call_later(seconds, dispatcher.stop, Stop(Cause.DEADLINE, "enough"))

    return arrange


def calls_of(ran, text):
    """(time, number) of the calls whose body contains a text."""
    return [(at, number) for number, (at, body) in enumerate(ran.service.ledger) if text in body]


def test_a_huge_document_does_not_delay_the_documents_behind_it():
    ran = run(HUGE + SMALL, rpm=600, latency=0.5)
    small = calls_of(ran, b"small")
    assert len(small) == 100
    assert small[-1][0] < 15
    assert ran.statuses == {Status.OK: 1100}
    assert ran.took == pytest.approx(110, abs=2)


def test_without_fairness_documents_are_called_in_order():
    ran = run(HUGE + SMALL, rpm=600, latency=0.5, fair=False)
    assert [number for _, number in calls_of(ran, b"small")] == list(range(1000, 1100))


def test_few_units_are_picked_ahead_at_a_low_rate():
    """At one call a second the units picked ahead are called soon; then the documents alternate."""
    ran = run(HUGE + SMALL[:1], rpm=60, during=stopped_after(60))
    assert calls_of(ran, b"small 0 4")[0][0] <= 20


def test_small_documents_progress_while_units_are_throttled():
    ran = run(HUGE + SMALL, lambda number, _: THROTTLED if number % 5 == 0 else OK, latency=0.5)
    assert max(number for _, number in calls_of(ran, b"small")) < 600
    assert ran.statuses == {Status.OK: 1100}


def test_documents_share_the_rate_by_tokens():
    """Sections of one document cost ten times as much; Jain's index over sixty seconds of a token quota."""
    large = texts(*(f"large {n} " + "word " * 5000 for n in range(100)), document="large.md")
    short = texts(*(f"short {n}" + "word " * 300 for n in range(1000)), document="short.md")
    used = Counter()

    def answering(_, body):
        tokens = len(body) // 5
        used["large" if b"large" in body else "short"] += tokens + 100
        return OK._replace(answer=parse(answered(input_tokens=tokens, output_tokens=100)))

    run(
        large + short,
        answering,
        limiters={TOKENS: TokenBucket(5_000.0, 10_000.0)},
        max_in_flight=1000,
        during=stopped_after(60),
    )
    assert used.total() > 250_000
    assert sum(used.values()) ** 2 / (2 * sum(share**2 for share in used.values())) >= 0.99


def test_priority_documents_are_called_first():
    urgent = [replace(chunk, first=True) for chunk in SMALL]
    ran = run(urgent + HUGE, rpm=600, latency=0.5)
    assert [number for _, number in calls_of(ran, b"small")] == list(range(100))


def test_a_document_that_is_read_again_counts_once():
    again = [replace(chunk, again=True) for chunk in SMALL]
    ran = run(SMALL + again)
    assert ran.dispatcher.documents_read == len(SMALL)
    assert sum(isinstance(event, events.DocumentRead) for event in ran.seen) == len(SMALL)


def test_reading_of_a_document_pauses_while_enough_of_it_is_queued():
    """As the parser pool sees it, at ten calls a second."""
    held = []

    def watch(dispatcher):
        async def ask():
            await asyncio.sleep(1.0)
            assert not await dispatcher.demand.wants_more("huge.md")
            assert await dispatcher.demand.wants_more("00.md")
            await dispatcher.demand.wait_until_wanted("huge.md")
            held.append(asyncio.get_running_loop().time())

        held.append(asyncio.create_task(ask()))

    ran = run(HUGE, rpm=600, latency=0.5, during=watch)
    task, drained = held
    assert task.exception() is None
    assert drained == pytest.approx((1000 - MAX_UNITS_OF_DOCUMENT) / 10, abs=3)
    assert ran.statuses == {Status.OK: 1000}
