"""The contract of Record, for the journal on disk and the record in memory."""

from collections.abc import AsyncIterator, Callable

import pytest
from answers import answer

from jobs.documents.document import Document
from jobs.record.journal import Journal, RunStart
from jobs.record.memory_record import MemoryRecord
from jobs.record.protocol import Disposition, Record, SectionEntry, Status
from jobs.record.record_writer import RecordWriter
from jobs.record.spool import Spool
from jobs.requests.reply import Reply
from ratelimit.outcome import Outcome

REPLIES = {
    Status.OK: Reply(Outcome.OK, 0.1, answer()),
    Status.INCOMPLETE: Reply(Outcome.INCOMPLETE, 0.1, answer("Half", stop="max_tokens")),
    Status.FAILED: Reply(Outcome.INVALID, 0.1),
    Status.HELD: Reply(Outcome.UNKNOWN, 0.1),
    Status.NEW: Reply(Outcome.TRANSIENT, 0.1),
}

Statuses = Callable[[], list[Status]]
"""The statuses of all units, by id."""


async def journal_statuses(record: RecordWriter) -> dict[Status, int]:
    rows = await record.submit(lambda journal: journal.db.execute("SELECT status FROM units ORDER BY id").fetchall())
    return {status: sum(row == (status,) for row in rows) for status in {Status(row[0]) for row in rows}}


async def memory_statuses(record: MemoryRecord) -> dict[Status, int]:
    return dict(record.statuses)


@pytest.fixture(params=["journal", "memory"])
async def record(request, tmp_path) -> AsyncIterator[Record]:
    if request.param == "memory":
        yield MemoryRecord()
        return
    async with RecordWriter(tmp_path / "journal.sqlite", Spool(tmp_path, tmp_path, "r1"), Journal) as writer:
        question = '{"endpoint":"aws","model":"model","prompt":"Summarize."}'
        start = RunStart("r1", "2026-11-24T00:00:00Z", question, "summarize")
        await writer.submit(lambda journal: journal.begin(start))
        yield writer


async def enroll(record: Record, keys: str, document: int = 0) -> list[tuple[Disposition, int]]:
    entries = [
        SectionEntry(f"{document:08x}{index:08x}", index, ("Heading",), "", key.encode().ljust(32, b"."), "Text.")
        for index, key in enumerate(keys)
    ]
    return list(await record.enroll(Document(f"{document}.md"), document, entries, done=True))


async def unit(record: Record) -> int:
    ((_, number),) = await enroll(record, "a")
    return number


async def close(record: Record, opened: int, status: Status) -> None:
    await record.close(opened, REPLIES[status], status, cost_usd=None, permanent=status is Status.FAILED)


async def attempt(record: Record, number: int, status: Status) -> None:
    await close(record, await record.open(number, None), status)


async def statuses(record: Record) -> dict[Status, int]:
    return await (memory_statuses(record) if isinstance(record, MemoryRecord) else journal_statuses(record))


async def test_a_key_is_new_once_and_a_duplicate_from_then_on(record):
    assert [disposition for disposition, _ in await enroll(record, "aba")] == [
        Disposition.NEW, Disposition.NEW, Disposition.DUPLICATE,
    ]  # fmt: skip
    assert [disposition for disposition, _ in await enroll(record, "bc", document=1)] == [
        Disposition.DUPLICATE, Disposition.NEW,
    ]  # fmt: skip


async def test_sections_with_one_key_share_a_unit(record):
    (_, first), (_, second), (_, third) = await enroll(record, "aba")
    assert first == third != second


async def test_a_second_open_attempt_of_a_unit_is_an_error(record):
    number = await unit(record)
    await record.open(number, None)
    with pytest.raises(Exception, match="UNIQUE|already"):
        await record.open(number, None)


async def test_after_a_failed_attempt_another_may_follow(record):
    number = await unit(record)
    first = await record.open(number, None)
    await close(record, first, Status.NEW)
    second = await record.open(number, None)
    assert second != first
    await close(record, second, Status.OK)
    assert await statuses(record) == {Status.OK: 1}


async def test_an_attempt_is_closed_once(record):
    number = await unit(record)
    opened = await record.open(number, None)
    await close(record, opened, Status.OK)
    with pytest.raises(Exception, match="not open"):
        await close(record, opened, Status.OK)


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        (Status.OK, Status.INCOMPLETE, Status.OK),
        (Status.OK, Status.FAILED, Status.OK),
        (Status.OK, Status.HELD, Status.OK),
        (Status.INCOMPLETE, Status.OK, Status.OK),
        (Status.INCOMPLETE, Status.FAILED, Status.INCOMPLETE),
        (Status.INCOMPLETE, Status.HELD, Status.INCOMPLETE),
        (Status.FAILED, Status.OK, Status.OK),
        (Status.FAILED, Status.INCOMPLETE, Status.INCOMPLETE),
        (Status.HELD, Status.FAILED, Status.FAILED),
    ],
)
async def test_a_paid_answer_is_only_replaced_by_an_answer_at_least_as_good(record, old, new, status):
    number = await unit(record)
    await attempt(record, number, old)
    await attempt(record, number, new)
    assert await statuses(record) == {status: 1}


@pytest.mark.parametrize("paid", [Status.OK, Status.INCOMPLETE])
async def test_neither_a_failure_nor_a_fallback_replaces_a_paid_answer(record, paid):
    number = await unit(record)
    await attempt(record, number, paid)
    await record.close_uncalled(number, Status.FAILED, "NeverFits", "too large")
    await record.close_uncalled(number, Status.FALLBACK, "Outage", "unavailable", answer("the beginning"))
    assert await statuses(record) == {paid: 1}


async def test_a_unit_without_an_answer_can_fail_or_fall_back(record):
    (_, first), (_, second) = await enroll(record, "ab")
    await record.close_uncalled(first, Status.FAILED, "NeverFits", "too large")
    await record.close_uncalled(second, Status.FALLBACK, "Outage", "unavailable", answer("the beginning"))
    assert await statuses(record) == {Status.FAILED: 1, Status.FALLBACK: 1}


async def test_a_fallback_gives_way_to_whatever_a_call_brings(record):
    number = await unit(record)
    await record.close_uncalled(number, Status.FALLBACK, "Outage", "unavailable", answer("the beginning"))
    await attempt(record, number, Status.FAILED)
    assert await statuses(record) == {Status.FAILED: 1}
