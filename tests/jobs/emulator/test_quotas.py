"""The emulator accounts quotas as Bedrock does."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.emulator.quotas import QuotaRules, Quotas
from ratelimit.quota_book import Reservation

REFILLS = ("bucket", "fixed", "sliding")
every_refill = pytest.mark.parametrize("refill", REFILLS)


def accepted(quotas: Quotas, now: float, tokens: int = 1, model: str = "m") -> bool:
    return isinstance(quotas.reserve(now, model, tokens, 0), Reservation)


def available(quotas: Quotas, now: float, limit: int) -> int:
    """Tokens that a call can still reserve."""
    book = quotas.book("m")
    low, high = 0, limit
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if not book.lacking(now, book.amounts({"tokens": middle})) else (low, middle - 1)
    return low


@every_refill
@pytest.mark.parametrize(("max_tokens", "reserved"), [(32_000, 36_000), (1_250, 5_250)])
def test_the_worked_example_of_the_aws_documentation(refill, max_tokens, reserved):
    """Input 3,000, cache write 1,000, output 1,000 at burndown 5: settles at 9,000 whatever maxTokens reserved."""
    quotas = Quotas(QuotaRules(tpm=100_000, refill=refill, burst=60, burndown=5))
    reservation = quotas.reserve(0.0, "m", 3_000 + 1_000, max_tokens)
    assert isinstance(reservation, Reservation)
    assert available(quotas, 0.0, 100_000) == 100_000 - reserved
    quotas.settle(0.0, "m", reservation, 3_000 + 1_000, 1_000)
    assert available(quotas, 0.0, 100_000) == 91_000


@every_refill
def test_a_call_without_max_tokens_reserves_the_models_maximum(refill):
    quotas = Quotas(QuotaRules(tpm=100_000, refill=refill, burst=60, max_output_tokens=64_000))
    assert isinstance(quotas.reserve(0.0, "m", 1_000, None), Reservation)
    assert quotas.reserve(0.0, "m", 1_000, None) == "tokens"


@every_refill
def test_a_throttle_names_the_exhausted_quota_and_reserves_nothing(refill):
    quotas = Quotas(QuotaRules(rpm=2, tpm=1_000, tpd=5_000, refill=refill, burst=60))
    assert [quotas.reserve(0.0, "m", 900, 0 if is_retry else 50) for is_retry in (0, 1)][1] == "tokens"
    assert accepted(quotas, 0.0, 50)  # the throttled call did not count as a request
    assert quotas.reserve(0.0, "m", 1, 0) == "requests"
    for minute in range(1, 5):
        assert accepted(quotas, minute * 60.0, 1_000)
    assert quotas.reserve(300.0, "m", 1_000, 0) == "tokens-per-day"


@every_refill
def test_a_call_larger_than_the_minute_never_passes(refill):
    quotas = Quotas(QuotaRules(tpm=1_000, refill=refill))
    assert quotas.reserve(0.0, "m", 1_001, 0) == "tokens"
    assert accepted(quotas, 0.0, 1_000)


def test_a_call_larger_than_the_burst_needs_a_full_bucket_and_leaves_a_debt():
    quotas = Quotas(QuotaRules(tpm=6_000, burst=1))
    assert accepted(quotas, 0.0, 1_000)
    assert not accepted(quotas, 9.9, 100)
    assert accepted(quotas, 10.0, 100)


def test_burndown_at_settlement_can_leave_a_debt():
    quotas = Quotas(QuotaRules(tpm=6_000, burst=60, burndown=10))
    reservation = quotas.reserve(0.0, "m", 1_000, 1_000)
    assert isinstance(reservation, Reservation)
    quotas.settle(0.0, "m", reservation, 1_000, 1_000)
    assert not accepted(quotas, 49.9)
    assert accepted(quotas, 50.1)


def test_each_model_has_its_own_quotas_and_an_arn_shares_those_of_its_model():
    quotas = Quotas(QuotaRules(rpm=1, burst=60))
    assert accepted(quotas, 0.0, model="us.amazon.nova-lite-v1:0")
    assert accepted(quotas, 0.0, model="other")
    arn = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0"
    assert not accepted(quotas, 0.0, model=arn)


def test_without_quotas_every_call_passes():
    quotas = Quotas(QuotaRules())
    assert all(accepted(quotas, 0.0, 10**9) for _ in range(1_000))


@pytest.mark.parametrize(("refill", "max_requests"), [("bucket", 301), ("fixed", 300), ("sliding", 300)])
@settings(max_examples=25)
@given(seed=st.integers(), pause=st.floats(0.2, 3))
def test_ten_minutes_admit_at_most_ten_times_the_quota_per_minute(refill, max_requests, seed, pause):
    random, quotas, now, passed = Random(seed), Quotas(QuotaRules(rpm=30, refill=refill)), 0.0, 0
    while (now := now + random.expovariate(1 / pause)) < 600:
        passed += accepted(quotas, now)
    assert passed <= max_requests
