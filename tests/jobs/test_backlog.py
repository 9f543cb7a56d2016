"""Which unit is next, and how much more is wanted of which document."""

import asyncio

import pytest

from jobs.backlog import DOCUMENTS, UNITS, UNITS_OF_ONE, Backlog, Unit
from jobs.request import Request


def filled(backlog, document, count, *, tokens=1000.0, first=False):
    """So many units of a document, entered at once."""
    backlog.expect(document, count)
    units = [(Unit(number, Request(b"", b"", 0), document, ""), tokens) for number in range(count)]
    backlog.add(document, count, units, first=first)


async def picked(backlog, count):
    """The documents of the next units."""
    return "".join([(await backlog.pick()).document for _ in range(count)])


async def after_all_has_run(waiting):
    """Whether something is done once nothing else can happen."""
    task = asyncio.ensure_future(waiting)
    for _ in range(5):
        await asyncio.sleep(0)
    return task


@pytest.mark.parametrize(("fair", "order"), [(True, "ABABAAA"), (False, "AAAAABB")])
async def test_documents_take_turns_or_come_in_order(fair, order):
    backlog = Backlog(fair=fair)
    filled(backlog, "A", 5)
    filled(backlog, "B", 2)
    assert await picked(backlog, 7) == order


async def test_turns_are_by_tokens():
    backlog = Backlog(fair=True)
    filled(backlog, "A", 2, tokens=3000)
    filled(backlog, "B", 6, tokens=1000)
    assert await picked(backlog, 8) == "ABBBABBB"


@pytest.mark.parametrize("fair", [True, False])
async def test_what_goes_first_is_picked_before_all_others_whenever_it_comes(fair):
    backlog = Backlog(fair=fair)
    filled(backlog, "A", 3)
    assert await picked(backlog, 1) == "A"
    filled(backlog, "B", 2, first=True)
    assert await picked(backlog, 4) == "BBAA"


async def test_a_pick_waits_for_a_unit_and_ends_with_the_work():
    backlog = Backlog(fair=True)
    pick = await after_all_has_run(backlog.pick())
    assert not pick.done()
    filled(backlog, "A", 2)
    assert (await pick).document == "A"
    backlog.end()
    assert (await backlog.pick()).document == "A"
    assert await backlog.pick() is None


async def test_a_document_is_held_up_until_its_units_were_picked_and_no_other_is():
    backlog = Backlog(fair=True)
    filled(backlog, "A", UNITS_OF_ONE + 1)
    filled(backlog, "B", 1)
    assert not await backlog.more("A")
    assert await backlog.more("B")
    drained = await after_all_has_run(backlog.drained("A"))
    assert await picked(backlog, 2) == "AB"
    assert not (await after_all_has_run(asyncio.shield(drained))).done()
    assert await picked(backlog, 1) == "A"
    await drained


async def test_sections_that_turn_out_to_need_no_call_hold_up_nothing():
    backlog = Backlog(fair=True)
    backlog.expect("A", UNITS_OF_ONE)
    more = await after_all_has_run(backlog.more("A"))
    assert not more.done()
    backlog.add("A", UNITS_OF_ONE, [], first=False)
    assert await more


async def test_so_many_documents_share_at_once():
    backlog = Backlog(fair=True)
    for number in range(DOCUMENTS):
        filled(backlog, chr(65 + number), 1 if number else 2)
    another = await after_all_has_run(backlog.another())
    assert not another.done()
    assert await picked(backlog, 2) == "AB"
    await another


@pytest.mark.parametrize("fair", [True, False])
async def test_nothing_more_is_wanted_when_too_much_waits(fair):
    backlog = Backlog(fair=fair)
    filled(backlog, "A", UNITS - 10)
    backlog.expect("B", 10)
    room = await after_all_has_run(backlog.room())
    assert not room.done()
    backlog.add("B", 10, [], first=False)
    await room
    filled(backlog, "B", 10)
    room = await after_all_has_run(backlog.room())
    assert not room.done()
    assert len(backlog) == UNITS
    await backlog.pick()
    await room


async def test_in_order_no_document_is_held_up():
    backlog = Backlog(fair=False)
    filled(backlog, "A", UNITS_OF_ONE * 2)
    for number in range(DOCUMENTS):
        filled(backlog, f"{number}", 1)
    await backlog.another()
    assert await backlog.more("A")
