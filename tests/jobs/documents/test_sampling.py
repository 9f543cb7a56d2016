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
            if not sampler.missing:
                break
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


@given(st.integers(1, 50), st.integers(0, 200))
def test_documents_are_spread_over_the_listing(count, more):
    chosen = spread(count, range(count + more))
    assert chosen == sorted({*chosen})
    gaps = {b - a for a, b in itertools.pairwise(chosen)}
    assert len(gaps) <= 3
    assert max(gaps, default=1) <= 3 * (count + more) / count + 2


@given(st.integers(1, 50), st.integers(1, 50))
def test_a_larger_sample_keeps_the_documents_of_a_smaller_one(count, more):
    documents = range(200)
    assert {*spread(count, documents)} <= {*spread(count + more, documents)}


@given(st.integers(1, 50), st.integers(1, 150))
def test_a_document_more_changes_one_choice_at_most(count, documents):
    assert len({*spread(count, range(documents))} - {*spread(count, range(documents + 1))}) <= 1


def test_regular_folders_do_not_make_it_one_sided():
    """Two files in each of 100 folders."""
    assert 1 <= sum(number % 2 for number in spread(5, range(200))) <= 4


def test_many_empty_documents_take_few_rounds():
    assert sample([0] * 2000 + [1], 5)[1] <= 12


def test_sections_are_shared_evenly():
    assert Sampler(5, 2).round() == {0: Take(0, 3), 1: Take(0, 2)}
