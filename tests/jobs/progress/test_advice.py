"""Whether a smaller maxTokens would make a run faster, and by how much."""

from dataclasses import replace

import pytest

from jobs.progress.advice import TokenUse, smaller_max_tokens


def use(*, windows: bool, calls: float, max_tokens: int = 4096, seconds: float = 600.0, burndown: float = 1.0):
    """Sections of 2,000 tokens, answers of 350 (the longest 800) after 6 s, a quota of a million tokens a minute."""
    settled = 2000 + 350 * burndown
    return TokenUse(
        answers=round(calls), settled=calls * settled, burned=calls * 350 * burndown, longest=800,
        max_tokens=max_tokens, latency=6.0, seconds=seconds, tpm=1e6, windows=windows,
    )  # fmt: skip


def served(max_tokens: int) -> float:
    """Calls in 10 minutes of windows: quota / (settled + held x latency / 60)."""
    return 1e7 / (2350 + (max_tokens - 350) * 6 / 60)


def test_of_windows_what_is_held_by_calls_in_flight_is_lost_each_minute():
    advice = smaller_max_tokens(use(windows=True, calls=served(4096)))
    assert advice is not None
    assert (advice.option, advice.value) == ("--max-tokens", 1000)
    assert advice.faster == pytest.approx(served(1000) / served(4096), abs=0.005)
    assert advice.faster == pytest.approx(1.13, abs=0.01)
    assert advice.text == (
        "tokens hold the run back, and --max-tokens 4096 reserves more of them than the longest answer took (800): "
        "with --max-tokens 1000 it would be about 13% faster"
    )


def test_a_bucket_lends_it_once_so_a_long_run_gains_nothing():
    rate, lent = 1e6 / 60, (32_768 - 350) * 6 / 2350  # a second, and seconds of it
    found = {}
    for minutes in (5, 60):
        seconds = 60.0 * minutes
        one = use(windows=False, calls=rate * (seconds - lent) / 2350, max_tokens=32_768, seconds=seconds)
        found[minutes] = smaller_max_tokens(one)
    assert found[5] is not None
    assert found[5].faster == pytest.approx(300 / (300 - (32_768 - 1000) * 6 / 2350), abs=0.15)
    assert found[60] is None


@pytest.mark.parametrize(
    "change",
    [
        {"answers": 19},
        {"seconds": 0.0},
        {"seconds": 1200.0},  # half of the quota is unaccounted for: something else holds it back
        {"longest": 4096},  # answers were cut off
        {"longest": 3500},
        {"latency": 0.5},  # little is in flight
        {"max_tokens": 1010},
    ],
)
def test_where_it_would_not_help_nothing_is_said(change):
    assert smaller_max_tokens(replace(use(windows=True, calls=served(4096)), **change)) is None


def test_an_output_that_burns_more_than_is_reserved_holds_nothing():
    calls = 1e7 / (2000 + 350 * 15)
    assert smaller_max_tokens(use(windows=True, calls=calls, burndown=15.0)) is None


def small_bucket(**changes):
    """A bucket of a second of 100,000 tokens a minute: each call of 1 s starts when the one before has given back.

    Sections of 250 tokens, answers of 80.
    """
    return replace(
        TokenUse(
            answers=600, settled=600 * 330.0, burned=600 * 80.0, longest=80, max_tokens=32_000, latency=1.0,
            seconds=600.0, tpm=1e5, windows=False, bucket=1e5 / 60, requests=0.1,
        ),
        **changes,
    )  # fmt: skip


def test_a_bucket_that_overflows_when_calls_end_leaves_most_of_the_quota_unused():
    advice = smaller_max_tokens(small_bucket())
    assert advice is not None
    assert (advice.option, advice.value) == ("--max-tokens", 100)
    assert advice.faster == pytest.approx(1e6 / (600 * 330), abs=0.01)  # the quota was used by a fifth
    assert advice.text.endswith("with --max-tokens 100 it would be up to 405% faster")


def test_it_is_no_faster_than_the_quota_in_requests_lets_it_be():
    advice = smaller_max_tokens(small_bucket(requests=0.5))
    assert advice is not None
    assert advice.faster == 2.0


def test_where_even_short_answers_overflow_it_only_what_starts_more_often_counts():
    """Answers of up to 800 tokens after 5 s: a call reserves 1,250, and the bucket holds 1,667."""
    slow = small_bucket(answers=120, settled=120 * 330.0, burned=120 * 80.0, longest=800, latency=5.0)
    advice = smaller_max_tokens(slow)
    assert advice is not None
    assert advice.faster == pytest.approx(1e5 / 60 / 1250 / (120 / 600), abs=0.01)


@pytest.mark.parametrize(
    "change",
    [
        {"answers": 19, "settled": 19 * 330.0, "burned": 19 * 80.0, "seconds": 19.0},
        {"outage": True},
        {"concurrency": 1},
        {"seconds": 1000.0},  # calls start more seldom than the bucket lets them
        {"requests": 0.99},
        {"longest": 32_000},
        {"bucket": 1e5},  # it holds a minute's quota
        {"max_tokens": 500},  # it holds two calls
        {"max_tokens": 32_000, "latency": 20.0, "answers": 25, "settled": 25 * 330.0, "burned": 25 * 80.0},
    ],
)  # fmt: skip
def test_where_a_bucket_does_not_overflow_or_is_not_what_holds_the_run_back_nothing_is_said(change):
    assert smaller_max_tokens(small_bucket(**change)) is None
