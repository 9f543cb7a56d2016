"""The record in memory; what it shares with the journal is tested there (test_journal.py)."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.record.memory import MemoryRecord
from jobs.record.protocol import AttemptResult, Disposition, NoCache, SectionEntry, Status
from ratelimit.outcome import Outcome

KEYS = random.Random(1)


def entries(keys: list[bytes]) -> list[SectionEntry]:
    return [SectionEntry("", index, (), "", key) for index, key in enumerate(keys)]


@given(st.lists(st.integers(0, 20), max_size=60), st.integers(1, 10))
def test_a_key_is_one_unit_however_often_it_comes(numbers, chunk):
    store, known = MemoryRecord(), dict[bytes, int]()
    keys = [number.to_bytes(32, "big") for number in numbers]
    for start in range(0, len(keys), chunk):
        part = keys[start : start + chunk]
        for key, enrolment in zip(part, store.enroll(0, entries(part), NoCache()), strict=True):
            assert enrolment.disposition is (Disposition.DUPLICATE if key in known else Disposition.NEW)
            assert enrolment.unit == known.setdefault(key, len(known))
    assert store.statuses.total() == len(known)


def test_many_keys_are_told_apart():
    keys = [KEYS.randbytes(32) for _ in range(20_000)]
    store = MemoryRecord()
    assert [enrolment.unit for enrolment in store.enroll(0, entries(keys), NoCache())] == list(range(20_000))
    again = store.enroll(0, entries(keys[::-1]), NoCache())
    assert [enrolment.unit for enrolment in again] == list(range(20_000))[::-1]
    assert {enrolment.disposition for enrolment in again} == {Disposition.DUPLICATE}


def test_an_attempt_is_closed_once_and_leaves_its_status():
    store = MemoryRecord()
    store.enroll(0, entries([b"a" * 32, b"b" * 32]), NoCache())
    attempt = store.open_attempt(1)
    with pytest.raises(RuntimeError, match="open attempt already"):
        store.open_attempt(1)
    assert store.open_attempts == 1
    closing = AttemptResult(attempt, Outcome.OK, Status.OK, 1.0)
    store.close_attempt(closing)
    with pytest.raises(RuntimeError, match="is not open"):
        store.close_attempt(closing)
    assert (store.open_attempts, store.statuses) == (0, {Status.OK: 1, Status.NEW: 1})
    assert store.open_attempt(1) != attempt
