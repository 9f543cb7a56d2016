"""The quota book: all or nothing, settled exactly once, debt allowed."""

import math

import pytest

from ratelimit.algorithms.allowance import Allowance
from ratelimit.algorithms.token_bucket import TokenBucket
from ratelimit.quota import Dimension, NeverFitsError, QuotaBook


def book(rpm: float = 60, tpm: float = 60_000, burst: float = 60) -> QuotaBook:
    return QuotaBook(
        {
            "requests": Dimension(TokenBucket(rpm / 60, rpm / 60 * burst), rpm),
            "tokens": Dimension(TokenBucket(tpm / 60, tpm / 60 * burst), tpm),
        }
    )


def test_a_cost_is_taken_from_every_quota_or_none():
    quotas = book(rpm=60, tpm=60_000)
    quotas.reserve(0.0, {"requests": 1, "tokens": 60_000})
    assert quotas.wait(0.0, {"requests": 1, "tokens": 1_000}) == pytest.approx(1.0)
    # Waiting took nothing of the requests.
    assert quotas.wait(0.0, {"requests": 59}) == 0.0


@pytest.mark.parametrize("max_tokens", [32_000, 1_250])
def test_the_example_of_aws_settles_at_9000_whatever_was_reserved(max_tokens):
    quotas = book(tpm=100_000)
    reservation = quotas.reserve(0.0, {"tokens": 3_000 + 1_000 + max_tokens})
    quotas.settle(0.0, reservation, {"tokens": 3_000 + 1_000 + 1_000 * 5})
    assert quotas.wait(0.0, {"tokens": 91_000}) == 0.0
    assert quotas.wait(0.0, {"tokens": 91_001}) > 0.0


def test_settling_above_the_reservation_leaves_a_debt_that_time_pays():
    quotas = book(tpm=60_000, burst=1)
    reservation = quotas.reserve(0.0, {"tokens": 1_000})
    quotas.settle(0.0, reservation, {"tokens": 4_000})
    assert quotas.wait(0.0, {"tokens": 1_000}) == pytest.approx(4.0)


def test_a_reservation_is_settled_exactly_once():
    quotas = book()
    reservation = quotas.reserve(0.0, {"requests": 1})
    quotas.settle(0.0, reservation, {})
    with pytest.raises(RuntimeError, match="exactly once"):
        quotas.settle(0.0, reservation, {})


def test_a_cost_above_a_quota_names_it_and_its_limit():
    with pytest.raises(NeverFitsError, match="needs 60001 of tokens, of which there are never more than 60000"):
        book().wait(0.0, {"tokens": 60_001})


def test_a_cost_above_the_burst_waits_for_a_full_bucket_and_leaves_a_debt():
    quotas = book(tpm=60_000, burst=1)
    assert quotas.wait(0.0, {"tokens": 10_000}) == 0.0
    quotas.reserve(0.0, {"tokens": 10_000})
    assert quotas.wait(0.0, {"tokens": 10_000}) == pytest.approx(10.0)


def test_quotas_that_the_book_does_not_have_are_ignored():
    assert QuotaBook({}).wait(0.0, {"tokens": 1e9}) == 0.0


def test_an_allowance_never_refills():
    budget = Allowance(1.0)
    budget.take(0.0, 0.75)
    assert budget.wait(1e9, 0.5) == math.inf
    budget.correct(1e9, 0.0, -0.5)
    assert budget.wait(1e9, 0.5) == 0.0
