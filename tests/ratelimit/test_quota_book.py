"""The quota book: all or nothing, settled exactly once, debt allowed."""

import copy
import math

import pytest

from ratelimit.algorithms.budget import Budget
from ratelimit.algorithms.token_bucket import TokenBucket
from ratelimit.errors import NeverFitsError
from ratelimit.quota_book import Cost, Dimension, QuotaBook, Reservation


def book(rpm: float = 60, tpm: float = 60_000, burst: float = 60) -> QuotaBook:
    return QuotaBook(
        {
            "requests": Dimension(TokenBucket(rpm / 60, rpm / 60 * burst), rpm),
            "tokens": Dimension(TokenBucket(tpm / 60, tpm / 60 * burst), tpm),
        }
    )


def reserve(quotas: QuotaBook, now: float, cost: Cost) -> Reservation:
    """Reserve a cost that fits."""
    reservation = quotas.try_reserve(now, quotas.amounts(cost))
    assert isinstance(reservation, Reservation)
    return reservation


def wait(quotas: QuotaBook, now: float, cost: Cost) -> float:
    """Seconds until a cost fits, without reserving it."""
    decision = copy.deepcopy(quotas).try_reserve(now, quotas.amounts(cost))
    return 0.0 if isinstance(decision, Reservation) else decision


def test_a_cost_is_taken_from_every_quota_or_none():
    quotas = book(rpm=60, tpm=60_000)
    reserve(quotas, 0.0, {"requests": 1, "tokens": 60_000})
    assert wait(quotas, 0.0, {"requests": 1, "tokens": 1_000}) == pytest.approx(1.0)
    # The failed attempt took no request.
    assert wait(quotas, 0.0, {"requests": 59}) == 0.0


@pytest.mark.parametrize("max_tokens", [32_000, 1_250])
def test_the_example_of_aws_settles_at_9000_for_any_reservation(max_tokens):
    quotas = book(tpm=100_000)
    reservation = reserve(quotas, 0.0, {"tokens": 3_000 + 1_000 + max_tokens})
    quotas.settle(0.0, reservation, {"tokens": 3_000 + 1_000 + 1_000 * 5})
    assert wait(quotas, 0.0, {"tokens": 91_000}) == 0.0
    assert wait(quotas, 0.0, {"tokens": 91_001}) > 0.0


def test_settling_above_the_reservation_leaves_a_debt_that_time_pays():
    quotas = book(tpm=60_000, burst=1)
    reservation = reserve(quotas, 0.0, {"tokens": 1_000})
    quotas.settle(0.0, reservation, {"tokens": 4_000})
    assert wait(quotas, 0.0, {"tokens": 1_000}) == pytest.approx(4.0)


def test_a_reservation_is_settled_exactly_once():
    quotas = book()
    reservation = reserve(quotas, 0.0, {"requests": 1})
    quotas.settle(0.0, reservation, {})
    with pytest.raises(RuntimeError, match="exactly once"):
        quotas.settle(0.0, reservation, {})


def test_a_cost_above_a_quota_names_it_and_its_limit():
    with pytest.raises(NeverFitsError, match="exceeds the limit on tokens: it needs 60001, the limit is 60000"):
        book().amounts({"tokens": 60_001})


def test_a_cost_above_the_burst_waits_for_a_full_bucket_and_leaves_a_debt():
    quotas = book(tpm=60_000, burst=1)
    assert wait(quotas, 0.0, {"tokens": 10_000}) == 0.0
    reserve(quotas, 0.0, {"tokens": 10_000})
    assert wait(quotas, 0.0, {"tokens": 10_000}) == pytest.approx(10.0)


def test_quotas_that_the_book_does_not_have_are_ignored():
    assert wait(QuotaBook({}), 0.0, {"tokens": 1e9}) == 0.0


def test_a_budget_never_refills():
    budget = Budget(1.0)
    budget.take(0.0, 0.75)
    assert budget.wait(1e9, 0.5) == math.inf
    budget.correct(1e9, 0.0, -0.5)
    assert budget.wait(1e9, 0.5) == 0.0


class Recorder(TokenBucket):
    """A learner that records its throttles."""

    def __init__(self) -> None:
        super().__init__(1.0, 100.0)
        self.throttles: list[tuple[float, float, float]] = []

    def throttled(self, now: float, taken_at: float, cost: float) -> None:
        self.throttles.append((now, taken_at, cost))
        self.correct(now, taken_at, -cost)


def learning() -> tuple[QuotaBook, Recorder, Recorder]:
    requests, tokens = Recorder(), Recorder()
    throttles = Dimension(TokenBucket(1.0, 100.0), 100.0)
    return (
        QuotaBook({"day": throttles, "requests": Dimension(requests, 9), "tokens": Dimension(tokens, 99)}),
        requests,
        tokens,
    )


@pytest.mark.parametrize(
    ("quota", "learned", "request_throttles", "token_throttles"),
    [
        ("requests", True, [(2.0, 1.0, 1)], []),
        ("tokens", True, [], [(2.0, 1.0, 50)]),
        ("", True, [(2.0, 1.0, 1)], []),
        ("day", False, [], []),
        ("another", False, [], []),
    ],
)
def test_a_throttle_goes_to_the_learner_of_its_quota_and_every_quota_is_refunded(
    quota, learned, request_throttles, token_throttles
):
    quotas, requests, tokens = learning()
    reservation = reserve(quotas, 1.0, {"day": 70, "requests": 1, "tokens": 50})
    assert quotas.throttled(2.0, reservation, quota) is learned
    assert (requests.throttles, tokens.throttles) == (request_throttles, token_throttles)
    levels = [dimension.limiter.level for dimension in quotas.dimensions.values()]
    assert levels == [100.0, 100.0, 100.0]


def test_without_a_learner_a_throttle_is_a_refund():
    quotas = book()
    assert not quotas.throttled(0.0, reserve(quotas, 0.0, {"requests": 60}))
    assert wait(quotas, 0.0, {"requests": 60}) == 0.0


ENDS = {
    "settle": lambda quotas, reservation: quotas.settle(0.0, reservation, {"requests": 3}),
    "refund": lambda quotas, reservation: quotas.settle(0.0, reservation, {}),
    "keep": lambda quotas, reservation: quotas.keep(reservation),
    "throttle": lambda quotas, reservation: quotas.throttled(0.0, reservation, "requests"),
}


@pytest.mark.parametrize("first", ENDS)
@pytest.mark.parametrize("second", ENDS)
def test_a_reservation_ends_exactly_once(first, second):
    quotas, requests, _ = learning()
    reservation = reserve(quotas, 0.0, {"requests": 2})
    ENDS[first](quotas, reservation)
    level, throttles = requests.level, list(requests.throttles)
    with pytest.raises(RuntimeError, match="exactly once"):
        ENDS[second](quotas, reservation)
    assert (requests.level, requests.throttles) == (level, throttles)


def test_a_decision_reserves_everything_or_returns_the_wait():
    quotas = book(rpm=60, tpm=60_000, burst=1)
    amounts = quotas.amounts({"requests": 1, "tokens": 500, "unknown": 7})
    assert amounts == (1, 500)
    assert quotas.try_reserve(0.0, amounts).amounts == amounts
    assert quotas.try_reserve(0.0, amounts) == pytest.approx(1.0)
    assert wait(quotas, 0.0, {"tokens": 500}) == 0.0  # the second attempt took nothing


def test_after_an_outage_quotas_start_empty_but_budgets_stay():
    quotas = QuotaBook({"tokens": Dimension(TokenBucket(1.0, 60.0), 60.0), "usd": Dimension(Budget(1.0), 1.0)})
    quotas.resume(100.0, 40.0)
    assert wait(quotas, 100.0, {"tokens": 1}) == pytest.approx(1.0)
    assert wait(quotas, 100.0, {"usd": 1}) == 0.0


def test_an_outage_forgives_no_debt():
    quotas = book(tpm=60_000, burst=1)
    quotas.settle(0.0, reserve(quotas, 0.0, {"tokens": 1_000}), {"tokens": 9_000})
    quotas.resume(1.0, 0.5)
    assert wait(quotas, 1.0, {"tokens": 1_000}) == pytest.approx(8.0)
