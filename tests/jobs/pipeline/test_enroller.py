"""Documents that are open at once share the rate: the real dispatcher in virtual time."""

import asyncio
from collections import Counter
from dataclasses import replace

import pytest
from answers import body as answered
from virtual_runs import OK, THROTTLED, run, texts

from jobs.pipeline import events
from jobs.pipeline.stopping import Cause, Policy, Stop
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
    """When and as which calls those were sent that have a text in them."""
    return [(at, number) for number, (at, body) in enumerate(ran.service.ledger) if text in body]


def test_a_huge_document_holds_up_none_of_those_behind_it():
    ran = run(HUGE + SMALL, rpm=600, latency=0.5)
    small = calls_of(ran, b"small")
    assert len(small) == 100
    assert small[-1][0] < 15
    assert ran.statuses == {Status.OK: 1100}
    assert ran.took == pytest.approx(110, abs=2)


def test_if_nobody_shares_they_come_in_the_order_of_the_listing():
    ran = run(HUGE + SMALL, rpm=600, latency=0.5, fair=False)
    assert [number for _, number in calls_of(ran, b"small")] == list(range(1000, 1100))


def test_also_at_a_low_rate_few_units_are_picked_ahead():
    """At one call a second what is picked is gone after a few, and from then on every other call is the small one's."""
    ran = run(HUGE + SMALL[:1], rpm=60, during=stopped_after(60))
    assert calls_of(ran, b"small 0 4")[0][0] <= 20


def test_the_small_ones_go_on_while_units_are_throttled_and_retried():
    ran = run(HUGE + SMALL, lambda number, _: THROTTLED if number % 5 == 0 else OK, latency=0.5)
    assert max(number for _, number in calls_of(ran, b"small")) < 600
    assert ran.statuses == {Status.OK: 1100}


def test_documents_share_by_tokens_whatever_their_sections_cost():
    """Ten times the cost of a section, sixty seconds of a told token quota: Jain's index."""
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


def test_what_goes_first_is_called_before_all_others():
    urgent = [replace(chunk, first=True) for chunk in SMALL]
    ran = run(urgent + HUGE, rpm=600, latency=0.5)
    assert [number for _, number in calls_of(ran, b"small")] == list(range(100))


def test_a_sample_takes_the_first_sections_of_the_listing():
    ran = run(HUGE + SMALL, policy=Policy(sample=1003))
    assert len(calls_of(ran, b"huge")) == 1000
    assert [body for _, body in ran.service.ledger[1000:] if b"small 0" not in body] == []
    partial = [event for event in ran.seen if isinstance(event, events.DocumentRead) and event.status == "partial"]
    assert [(event.path, event.sections) for event in partial] == [("00.md", 3)]


def test_a_document_is_held_up_while_enough_of_it_waits():
    """The demand as the reader of documents sees it, in a run at ten calls a second."""
    held = []

    def watch(dispatcher):
        async def ask():
            await asyncio.sleep(1.0)
            assert not await dispatcher.demand.more("huge.md")
            assert await dispatcher.demand.more("00.md")
            await dispatcher.demand.drained("huge.md")
            held.append(asyncio.get_running_loop().time())

        held.append(asyncio.create_task(ask()))

    ran = run(HUGE, rpm=600, latency=0.5, during=watch)
    task, drained = held
    assert task.exception() is None
    assert drained == pytest.approx((1000 - MAX_UNITS_OF_DOCUMENT) / 10, abs=3)
    assert ran.statuses == {Status.OK: 1000}
