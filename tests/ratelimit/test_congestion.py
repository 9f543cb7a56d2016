"""The congestion window."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratelimit.congestion import CongestionWindow


def test_a_refusal_halves_what_was_in_flight_and_a_round_of_answers_gives_one_back():
    window = CongestionWindow(1000)
    window.refused(in_flight=64)
    assert window.places == 32
    for _ in range(33):
        window.answered()
    assert window.places == 33


@given(st.integers(1, 100), st.lists(st.integers(0, 100), max_size=300))
def test_it_stays_between_one_and_the_most(most, events):
    window = CongestionWindow(most)
    for in_flight in events:
        window.refused(in_flight) if in_flight else window.answered()
        assert 1 <= window.places <= most


def test_all_places_come_back():
    window = CongestionWindow(4)
    window.refused(4)
    for _ in range(50):
        window.answered()
    assert window.places == pytest.approx(4)
