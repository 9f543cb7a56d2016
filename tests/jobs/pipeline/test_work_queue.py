"""Which unit is next, and when reading pauses."""

import asyncio

import pytest

from jobs.pipeline.work_queue import MAX_DOCUMENTS, MAX_UNITS, MAX_UNITS_OF_DOCUMENT, Unit, WorkQueue
from jobs.requests.request import Request


def filled(work_queue, document, count, *, tokens=1000.0, first=False):
    """Queue units of a document."""
    work_queue.expect(document, count)
    units = [(Unit(number, Request(b"", b"", 0), document, ""), tokens) for number in range(count)]
    work_queue.add(document, count, units, first=first)


async def picked(work_queue, count):
    """The documents of the next units."""
    return "".join([(await work_queue.pick()).document for _ in range(count)])


async def after_all_has_run(waiting):
    """Start a wait and let every other task run."""
    task = asyncio.ensure_future(waiting)
    for _ in range(5):
        await asyncio.sleep(0)
    return task


@pytest.mark.parametrize(("fair", "order"), [(True, "ABABAAA"), (False, "AAAAABB")])
async def test_documents_take_turns_or_come_in_order(fair, order):
    work_queue = WorkQueue(fair=fair)
    filled(work_queue, "A", 5)
    filled(work_queue, "B", 2)
    assert await picked(work_queue, 7) == order


async def test_documents_take_turns_by_tokens():
    work_queue = WorkQueue(fair=True)
    filled(work_queue, "A", 2, tokens=3000)
    filled(work_queue, "B", 6, tokens=1000)
    assert await picked(work_queue, 8) == "ABBBABBB"


@pytest.mark.parametrize("fair", [True, False])
async def test_priority_units_are_picked_first_whenever_they_arrive(fair):
    work_queue = WorkQueue(fair=fair)
    filled(work_queue, "A", 3)
    assert await picked(work_queue, 1) == "A"
    filled(work_queue, "B", 2, first=True)
    assert await picked(work_queue, 4) == "BBAA"


async def test_pick_waits_for_a_unit_and_returns_none_at_the_end():
    work_queue = WorkQueue(fair=True)
    pick = await after_all_has_run(work_queue.pick())
    assert not pick.done()
    filled(work_queue, "A", 2)
    assert (await pick).document == "A"
    work_queue.end()
    assert (await work_queue.pick()).document == "A"
    assert await work_queue.pick() is None


async def test_reading_pauses_for_a_document_with_a_full_queue_only():
    work_queue = WorkQueue(fair=True)
    filled(work_queue, "A", MAX_UNITS_OF_DOCUMENT + 1)
    filled(work_queue, "B", 1)
    assert not await work_queue.wants_more("A")
    assert await work_queue.wants_more("B")
    drained = await after_all_has_run(work_queue.wait_until_wanted("A"))
    assert await picked(work_queue, 2) == "AB"
    assert not (await after_all_has_run(asyncio.shield(drained))).done()
    assert await picked(work_queue, 1) == "A"
    await drained


async def test_sections_without_a_call_leave_room_in_the_queue():
    work_queue = WorkQueue(fair=True)
    work_queue.expect("A", MAX_UNITS_OF_DOCUMENT)
    more = await after_all_has_run(work_queue.wants_more("A"))
    assert not more.done()
    work_queue.add("A", MAX_UNITS_OF_DOCUMENT, [], first=False)
    assert await more


async def test_the_number_of_open_documents_is_limited():
    work_queue = WorkQueue(fair=True)
    for number in range(MAX_DOCUMENTS):
        filled(work_queue, chr(65 + number), 1 if number else 2)
    another = await after_all_has_run(work_queue.wait_for_document_slot())
    assert not another.done()
    assert await picked(work_queue, 2) == "AB"
    await another


@pytest.mark.parametrize("fair", [True, False])
async def test_reading_pauses_while_the_queue_is_full(fair):
    work_queue = WorkQueue(fair=fair)
    filled(work_queue, "A", MAX_UNITS - 10)
    work_queue.expect("B", 10)
    room = await after_all_has_run(work_queue.room())
    assert not room.done()
    work_queue.add("B", 10, [], first=False)
    await room
    filled(work_queue, "B", 10)
    room = await after_all_has_run(work_queue.room())
    assert not room.done()
    assert len(work_queue) == MAX_UNITS
    await work_queue.pick()
    await room


async def test_without_fairness_no_document_is_paused():
    work_queue = WorkQueue(fair=False)
    filled(work_queue, "A", MAX_UNITS_OF_DOCUMENT * 2)
    for number in range(MAX_DOCUMENTS):
        filled(work_queue, f"{number}", 1)
    await work_queue.wait_for_document_slot()
    assert await work_queue.wants_more("A")
