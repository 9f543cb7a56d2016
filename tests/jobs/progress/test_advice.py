"""When a smaller maxTokens makes a run faster, and by how much."""

from dataclasses import replace

import pytest

from jobs.progress.advice import TokenUse, smaller_max_tokens
from jobs.progress.answer_totals import AnswerTotals


def totals(answers: int, quota_tokens: float, burned: float, longest: int, latency: float) -> AnswerTotals:
    return AnswerTotals(answers, quota_tokens, burned, answers * latency, longest)


def changed(use: TokenUse, **changes) -> TokenUse:
    """`use` with changes to its own fields, to those of its totals, or to the mean latency."""
    of_totals = {
        name: changes.pop(name) for name in ("answers", "quota_tokens", "burned", "longest") if name in changes
    }
    latency = changes.pop("latency", use.totals.mean_latency)
    totals = replace(use.totals, **of_totals)
    return replace(use, totals=replace(totals, latency_seconds=totals.answers * latency), **changes)


def use(*, windowed: bool, calls: float, max_tokens: int = 4096, seconds: float = 600.0, burndown: float = 1.0):
    """Sections of 2,000 tokens, answers of 350 (the longest 800) after 6 s, a quota of a million tokens a minute."""
    settled = 2000 + 350 * burndown
    return TokenUse(
        totals(round(calls), calls * settled, calls * 350 * burndown, longest=800, latency=6.0),
        max_tokens=max_tokens, seconds=seconds, tpm=1e6, windowed=windowed,
    )  # fmt: skip


def served(max_tokens: int) -> float:
    """Calls in 10 minutes of windows: quota / (settled + held x latency / 60)."""
    return 1e7 / (2350 + (max_tokens - 350) * 6 / 60)


def test_a_window_loses_each_minute_what_calls_in_flight_reserve():
    advice = smaller_max_tokens(use(windowed=True, calls=served(4096)))
    assert advice is not None
    assert (advice.option, advice.value) == ("--max-tokens", 1000)
    assert advice.faster == pytest.approx(served(1000) / served(4096), abs=0.005)
    assert advice.faster == pytest.approx(1.13, abs=0.01)
    assert advice.text == (
        "tokens limit this run: --max-tokens 4096 reserves more than the longest answer used (800 tokens). "
        "With --max-tokens 1000 it would be about 13% faster, and cut off none of the answers so far"
    )


def test_a_bucket_loses_it_once_so_a_long_run_gains_nothing():
    rate, held = 1e6 / 60, (32_768 - 350) * 6 / 2350  # tokens a second, and seconds of the quota
    advice = {}
    for minutes in (5, 60):
        seconds = 60.0 * minutes
        one = use(windowed=False, calls=rate * (seconds - held) / 2350, max_tokens=32_768, seconds=seconds)
        advice[minutes] = smaller_max_tokens(one)
    assert advice[5] is not None
    assert advice[5].faster == pytest.approx(300 / (300 - (32_768 - 1000) * 6 / 2350), abs=0.15)
    assert advice[60] is None


@pytest.mark.parametrize(
    "change",
    [
        {"answers": 19},
        {"seconds": 0.0},
        {"seconds": 1200.0},  # half of the quota is unexplained: something else is the limit
        {"longest": 4096},  # answers were truncated
        {"longest": 3500},
        {"latency": 0.5},  # little is in flight
        {"max_tokens": 1010},
    ],
)
def test_there_is_no_advice_where_it_would_not_help(change):
    assert smaller_max_tokens(changed(use(windowed=True, calls=served(4096)), **change)) is None


def test_there_is_no_advice_if_output_burns_more_than_max_tokens_reserve():
    calls = 1e7 / (2000 + 350 * 15)
    assert smaller_max_tokens(use(windowed=True, calls=calls, burndown=15.0)) is None


def small_bucket(**changes):
    """A bucket with 1 s burst of 100,000 tokens a minute: each call of 1 s starts after the refund of the one before.

    Sections of 250 tokens, answers of 80.
    """
    small = TokenUse(
        totals(600, 600 * 330.0, 600 * 80.0, longest=80, latency=1.0),
        max_tokens=32_000, seconds=600.0, tpm=1e5, windowed=False, bucket_size=1e5 / 60, requests_used=0.1,
    )  # fmt: skip
    return changed(small, **changes)


def test_a_bucket_that_overflows_at_refunds_leaves_most_of_the_quota_unused():
    advice = smaller_max_tokens(small_bucket())
    assert advice is not None
    assert (advice.option, advice.value) == ("--max-tokens", 100)
    assert advice.faster == pytest.approx(1e6 / (600 * 330), abs=0.01)  # a fifth of the quota was used
    assert advice.text.endswith(
        "With --max-tokens 100 it would be up to 405% faster, and cut off none of the answers so far"
    )


def test_the_speedup_is_limited_by_the_request_quota():
    advice = smaller_max_tokens(small_bucket(requests_used=0.5))
    assert advice is not None
    assert advice.faster == 2.0


def test_if_short_answers_overflow_the_bucket_too_the_speedup_is_that_of_the_start_rate():
    """Answers of up to 800 tokens after 5 s: a call reserves 1,250, and the bucket holds 1,667."""
    slow = small_bucket(answers=120, quota_tokens=120 * 330.0, burned=120 * 80.0, longest=800, latency=5.0)
    advice = smaller_max_tokens(slow)
    assert advice is not None
    assert advice.faster == pytest.approx(1e5 / 60 / 1250 / (120 / 600), abs=0.01)


@pytest.mark.parametrize(
    "change",
    [
        {"answers": 19, "quota_tokens": 19 * 330.0, "burned": 19 * 80.0, "seconds": 19.0},
        {"had_outage": True},
        {"concurrency": 1},
        {"seconds": 1000.0},  # calls start less often than the bucket allows
        {"requests_used": 0.99},
        {"longest": 32_000},
        {"bucket_size": 1e5},  # one minute of the quota
        {"max_tokens": 500},  # two calls
        {"max_tokens": 32_000, "latency": 20.0, "answers": 25, "quota_tokens": 25 * 330.0, "burned": 25 * 80.0},
    ],
)  # fmt: skip
def test_there_is_no_advice_if_the_bucket_does_not_overflow_or_is_not_the_limit(change):
    assert smaller_max_tokens(small_bucket(**change)) is None
