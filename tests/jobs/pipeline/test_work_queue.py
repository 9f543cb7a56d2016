"""Which unit is next, and how much more is wanted of which document."""

import asyncio

import pytest

from jobs.pipeline.work_queue import MAX_DOCUMENTS, MAX_UNITS, MAX_UNITS_OF_DOCUMENT, Unit, WorkQueue
from jobs.requests.request import Request


def filled(work_queue, document, count, *, tokens=1000.0, first=False):
    """So many units of a document, entered at once."""
    work_queue.expect(document, count)
    units = [(Unit(number, Request(b"", b"", 0), document, ""), tokens) for number in range(count)]
    work_queue.add(document, count, units, first=first)


async def picked(work_queue, count):
    """The documents of the next units."""
    return "".join([(await work_queue.pick()).document for _ in range(count)])


async def after_all_has_run(waiting):
    """Whether something is done once nothing else can happen."""
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


async def test_turns_are_by_tokens():
    work_queue = WorkQueue(fair=True)
    filled(work_queue, "A", 2, tokens=3000)
    filled(work_queue, "B", 6, tokens=1000)
    assert await picked(work_queue, 8) == "ABBBABBB"


@pytest.mark.parametrize("fair", [True, False])
async def test_what_goes_first_is_picked_before_all_others_whenever_it_comes(fair):
    work_queue = WorkQueue(fair=fair)
    filled(work_queue, "A", 3)
    assert await picked(work_queue, 1) == "A"
    filled(work_queue, "B", 2, first=True)
    assert await picked(work_queue, 4) == "BBAA"


async def test_a_pick_waits_for_a_unit_and_ends_with_the_work():
    work_queue = WorkQueue(fair=True)
    pick = await after_all_has_run(work_queue.pick())
    assert not pick.done()
    filled(work_queue, "A", 2)
    assert (await pick).document == "A"
    work_queue.end()
    assert (await work_queue.pick()).document == "A"
    assert await work_queue.pick() is None


async def test_a_document_is_held_up_until_its_units_were_picked_and_no_other_is():
    work_queue = WorkQueue(fair=True)
    filled(work_queue, "A", MAX_UNITS_OF_DOCUMENT + 1)
    filled(work_queue, "B", 1)
    assert not await work_queue.more("A")
    assert await work_queue.more("B")
    drained = await after_all_has_run(work_queue.drained("A"))
    assert await picked(work_queue, 2) == "AB"
    assert not (await after_all_has_run(asyncio.shield(drained))).done()
    assert await picked(work_queue, 1) == "A"
    await drained


async def test_sections_that_turn_out_to_need_no_call_hold_up_nothing():
    work_queue = WorkQueue(fair=True)
    work_queue.expect("A", MAX_UNITS_OF_DOCUMENT)
    more = await after_all_has_run(work_queue.more("A"))
    assert not more.done()
    work_queue.add("A", MAX_UNITS_OF_DOCUMENT, [], first=False)
    assert await more


async def test_so_many_documents_share_at_once():
    work_queue = WorkQueue(fair=True)
    for number in range(MAX_DOCUMENTS):
        filled(work_queue, chr(65 + number), 1 if number else 2)
    another = await after_all_has_run(work_queue.another())
    assert not another.done()
    assert await picked(work_queue, 2) == "AB"
    await another


@pytest.mark.parametrize("fair", [True, False])
async def test_nothing_more_is_wanted_when_too_much_waits(fair):
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


async def test_in_order_no_document_is_held_up():
    work_queue = WorkQueue(fair=False)
    filled(work_queue, "A", MAX_UNITS_OF_DOCUMENT * 2)
    for number in range(MAX_DOCUMENTS):
        filled(work_queue, f"{number}", 1)
    await work_queue.another()
    assert await work_queue.more("A")
