"""The record in memory; its contract with the journal is in test_contract.py."""

import random

from hypothesis import given
from hypothesis import strategies as st

from jobs.documents.document import Document
from jobs.record.memory_record import MemoryRecord
from jobs.record.protocol import Disposition, Enrolment, SectionEntry

KEYS = random.Random(1)
DOCUMENT = Document("a.md")


async def enroll(record: MemoryRecord, keys: list[bytes]) -> list[Enrolment]:
    entries = [SectionEntry("", index, (), "", key, "") for index, key in enumerate(keys)]
    return await record.enroll(DOCUMENT, 0, entries, done=False)


@given(st.lists(st.integers(0, 20), max_size=60), st.integers(1, 10))
async def test_a_key_is_one_unit_however_often_it_is_enrolled(numbers, chunk):
    record, known = MemoryRecord(), dict[bytes, int]()
    keys = [number.to_bytes(32, "big") for number in numbers]
    for start in range(0, len(keys), chunk):
        part = keys[start : start + chunk]
        for key, enrolment in zip(part, await enroll(record, part), strict=True):
            assert enrolment.disposition is (Disposition.DUPLICATE if key in known else Disposition.NEW)
            assert enrolment.unit == known.setdefault(key, len(known))
    assert record.statuses.total() == len(known)


async def test_many_keys_stay_distinct():
    keys = [KEYS.randbytes(32) for _ in range(20_000)]
    record = MemoryRecord()
    assert [enrolment.unit for enrolment in await enroll(record, keys)] == list(range(20_000))
    repeated = await enroll(record, keys[::-1])
    assert [enrolment.unit for enrolment in repeated] == list(range(20_000))[::-1]
    assert {enrolment.disposition for enrolment in repeated} == {Disposition.DUPLICATE}
