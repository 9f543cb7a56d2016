"""Kong's windows against a recount of all arrivals."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratelimit.algorithms.kong import KongFixed, KongSliding

arrivals = st.lists(st.one_of(st.just(0.0), st.floats(0, 4), st.floats(0, 200)), max_size=80)
"""Seconds between arrivals."""
limits = st.integers(1, 6)
windows = st.sampled_from([1, 10, 60])
starts = st.floats(0, 2_000_000_000)


@given(start=starts, pauses=arrivals, limit=limits, window=windows)
def test_in_each_fixed_window_the_first_requests_pass_and_the_others_wait_for_the_next(start, pauses, limit, window):
    gate, now = KongFixed(limit, window), start
    arrived: dict[int, int] = {}
    for pause in pauses:
        now += pause
        index = int(now) // window
        arrived[index] = arrived.get(index, 0) + 1
        verdict = gate.arrive(now)
        assert verdict.passed is (arrived[index] <= limit)
        assert gate.used == min(limit, arrived[index])
        if not verdict.passed:
            assert int(now) + verdict.retry_after == (index + 1) * window


@given(start=starts, pauses=arrivals, limit=limits, window=windows)
def test_a_sliding_window_counts_all_arrivals_and_a_share_of_the_previous_window(start, pauses, limit, window):
    gate, now = KongSliding(limit, window), start
    arrived: dict[int, int] = {}
    for pause in pauses:
        now += pause
        index, into = divmod(int(now), window)
        arrived[index] = arrived.get(index, 0) + 1
        # Times the window, so that it is an integer.
        usage = arrived[index] * window + arrived.get(index - 1, 0) * (window - into)
        assert gate.arrive(now).passed is (usage <= limit * window)
        assert gate.usage == pytest.approx(usage / window)


@given(start=starts, limit=limits, window=windows)
def test_after_two_idle_windows_throttled_requests_no_longer_count(start, limit, window):
    gate = KongSliding(limit, window)
    assert [gate.arrive(start).passed for _ in range(2 * limit)] == [True] * limit + [False] * limit
    later = start + 2 * window
    assert [gate.arrive(later).passed for _ in range(2 * limit)] == [True] * limit + [False] * limit


@pytest.mark.parametrize("gate", [KongFixed(3), KongSliding(3)], ids=["fixed", "sliding"])
def test_a_clock_set_back_reopens_no_window(gate):
    assert [gate.arrive(now).passed for now in (59, 60, 60, 60)] == [True, True, True, isinstance(gate, KongFixed)]
    assert [gate.arrive(now).passed for now in (59, 0)] == [False, False]


def test_kong_sliding_counts_the_rest_from_the_first_window_that_throttled():
    gate = KongSliding(2, 10)
    ledger = [(0, 0), (0, 0), (4, 6 + 5), (10, 1 + 10), (17, 1 + 5), (45, 0), (45, 0), (45, 5 + 5)]
    assert [(now, gate.arrive(now).retry_after) for now, _ in ledger] == ledger
