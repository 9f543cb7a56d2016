"""Which sections a sample takes."""

import itertools
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from jobs.documents.sampling import Sampler, Take, spread

DOCUMENTS = st.lists(st.integers(0, 6), max_size=30)
"""Sections of each document."""


def sample(documents: list[int], size: int) -> tuple[Counter[int], int]:
    """Sections taken from each document, and the number of rounds."""
    sampler, taken, rounds = Sampler(size, len(documents)), Counter(), 0
    while takes := sampler.round():
        rounds += 1
        for number, (skip, limit) in takes.items():
            assert skip == taken[number]
            assert limit > 0
            got = max(0, min(limit, documents[number] - skip))
            taken[number] += got
            sampler.took(number, got, more=documents[number] > skip + limit)
    return taken, rounds


@given(DOCUMENTS, st.integers(1, 60))
def test_it_has_the_size_that_was_asked_for_or_all_there_is(documents, size):
    taken, _ = sample(documents, size)
    assert taken.total() == min(size, sum(documents))


@given(DOCUMENTS, st.integers(1, 60))
def test_it_is_from_as_many_documents_as_there_are(documents, size):
    taken, _ = sample(documents, size)
    assert sum(count > 0 for count in taken.values()) == min(size, sum(count > 0 for count in documents))


@given(DOCUMENTS, st.integers(1, 60))
def test_it_is_the_same_each_time_and_ends(documents, size):
    taken, rounds = sample(documents, size)
    assert sample(documents, size) == (taken, rounds)
    assert rounds <= len(documents) + 7


@given(st.integers(1, 50), st.integers(0, 50))
def test_documents_are_spread_over_the_listing(count, more):
    items = range(count + more)
    chosen = spread(count, items)
    assert len({*chosen}) == count
    gaps = [b - a for a, b in itertools.pairwise(chosen)]
    assert max(gaps, default=0) - min(gaps, default=0) <= 1


def test_sections_are_shared_evenly():
    assert Sampler(5, 2).round() == {0: Take(0, 3), 1: Take(0, 2)}
    assert Sampler(2, 10).round() == {2: Take(0, 1), 7: Take(0, 1)}
