"""Whether a smaller maxTokens would make a run faster, and by how much."""

from dataclasses import replace

import pytest

from jobs.advice import TokenUse, smaller_max_tokens


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
