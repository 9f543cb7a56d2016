"""Backoff, Retry-After and the retry budget."""

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


@given(st.floats(allow_nan=False))
def test_retry_after_is_clamped(seconds):
    assert 0.0 <= retry.clamp(seconds) <= retry.MAX_RETRY_AFTER


def test_the_first_retries_are_free_and_the_rest_are_spread_over_time():
    budget = retry.RetryBudget()
    delays = [budget.delay(0.0) for _ in range(110)]
    assert delays[:100] == [0.0] * 100
    assert delays[100:] == pytest.approx([n / 10 for n in range(1, 11)])


@given(st.integers(0, 400), st.integers(1, 400))
def test_retries_stay_within_the_budget(calls, retries):
    budget = retry.RetryBudget()
    for _ in range(100):
        budget.delay(0.0)
    for _ in range(calls):
        budget.called(0.0)
    due = [budget.delay(0.0) for _ in range(retries)]
    assert due == sorted(due)
    for seconds in range(45):
        assert sum(at <= seconds for at in due) <= min(100.0, calls / 5) + 10 * seconds + 1


def test_calls_add_to_the_budget():
    budget = retry.RetryBudget()
    for _ in range(100):
        budget.delay(0.0)
    for _ in range(50):
        budget.called(0.0)
    assert [budget.delay(0.0) for _ in range(11)] == [0.0] * 10 + [pytest.approx(0.1)]
