"""Backoff, pauses and clamps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratelimit import retry


@pytest.mark.parametrize(
    ("failures", "longest"), [(1, 0.5), (2, 1.0), (3, 2.0), (4, 4.0), (5, 8.0), (6, 16.0), (7, 20.0), (5000, 20.0)]
)
def test_full_jitter_doubles_up_to_the_cap(failures, longest):
    assert retry.backoff(failures, 0.0) == 0.0
    assert retry.backoff(failures, 1.0) == longest


def test_a_throttle_pause_doubles_and_half_of_it_is_certain():
    assert [retry.throttle_pause(n, None, 0.0) for n in (1, 2, 3)] == [0.125, 0.25, 0.5]
    assert [retry.throttle_pause(n, None, 1.0) for n in (1, 2, 3, 50)] == [0.25, 0.5, 1.0, 20.0]


@given(st.floats(allow_nan=False))
def test_retry_after_is_kept_within_reason(seconds):
    assert 0.0 <= retry.throttle_pause(1, seconds, 0.5) <= retry.LONGEST_RETRY_AFTER


def test_a_sensible_retry_after_is_obeyed_to_the_second():
    assert retry.throttle_pause(9, 7.0, 0.3) == 7.0
