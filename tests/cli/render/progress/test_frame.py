"""One frame of the live display."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text
from snapshots import RUNNING

from cli.render.numbers import MIN_RATE_SECONDS
from cli.render.progress.frame import frame
from jobs.pipeline.stage import Stage
from jobs.progress.advice import Advice
from jobs.progress.snapshot import Quota, Snapshot

NUMBERS = st.integers(0, 10**10)
SNAPSHOTS = st.builds(
    Snapshot,
    elapsed=st.floats(0, 1e7),
    stopping=st.text(max_size=300),
    paused=st.text(max_size=300),
    next_call=st.floats(0, 1e6),
    fallback=NUMBERS,
    documents=NUMBERS,
    documents_total=st.none() | NUMBERS,
    bytes_read=NUMBERS,
    bytes_total=st.none() | NUMBERS,
    sections=NUMBERS,
    units=NUMBERS,
    units_done=NUMBERS,
    failed=NUMBERS,
    skipped=NUMBERS,
    cost_usd=st.none() | st.floats(0, 1e9),
    calls_per_minute=st.floats(0, 1e6),
    tokens_per_minute=st.floats(0, 1e9),
    quota=st.builds(Quota, rpm=st.none() | st.floats(1, 1e6), tpm=st.none() | st.floats(1, 1e9)),
    stages=st.lists(st.builds(Stage, st.sampled_from(["read", "call"]), NUMBERS, NUMBERS, NUMBERS)).map(tuple),
    utilisation=st.none() | st.floats(0, 1),
    eta=st.none() | st.floats(0, 1e7),
).filter(lambda shot: shot.units_done <= shot.units)


def plain(lines: list[Text]) -> str:
    return "\n".join(line.plain for line in lines)


def styles(lines: list[Text], words: str) -> set[str]:
    """The styles in which these words are shown."""
    return {
        str(span.style)
        for line in lines
        for span in line.spans
        if words in line.plain and span.start <= line.plain.index(words) < span.end
    }


@given(SNAPSHOTS, st.integers(20, 200), st.booleans())
def test_no_line_is_wider_than_the_terminal(shot: Snapshot, width: int, emulated: bool) -> None:
    for line in frame(replace(shot, emulated=emulated), width):
        assert line.cell_len <= width
        assert len(line.plain.splitlines()) == 1


def test_on_a_wide_terminal_it_takes_59_columns_so_that_a_narrower_one_folds_no_line() -> None:
    assert (
        plain(frame(RUNNING, 200)).splitlines()
        == """\
━━━━━━━────────────  42%  2m 05s elapsed  about 2m 52s left
documents  120/300 read  12,345 sections  unreadable 2
sections   6,300/12,000 answers  failed 7  incomplete 3
           held 0  already answered 100  cached 12
           duplicates 3
calls      6,400 sent  throttled 40  retried 0  3.2s each
rate       1,170 calls/min  1,900,000 tokens/min
quota      1,200 requests/minute (configured)
           2,000,000 tokens/minute (configured)
           utilisation 97%
tokens     10,123,456 in  634,567 out
cost       $39.42
stage        waiting  active       done
read               0       1        120
record           120      64     12,345
call           1,200      98      6,400
close              0       3      6,300""".splitlines()
    )


def test_at_40_columns() -> None:
    assert (
        plain(frame(replace(RUNNING, emulated=True), 40, ascii_only=True)).splitlines()
        == """\
##############---------------------  42%
time       2m 05s elapsed
           about 2m 52s left
documents  120/300 read  12,345 sections
           unreadable 2
sections   6,300/12,000 answers
           failed 7  incomplete 3
           held 0  already answered 100
           cached 12  duplicates 3
calls      6,400 sent  throttled 40
           retried 0  3.2s each
rate       1,170 calls/min
           1,900,000 tokens/min
quota      1,200 requests/minute
           (configured)
           2,000,000 tokens/minute
           (configured)
           utilisation 97%
tokens     10,123,456 in  634,567 out
cost       $39.42 at list price, nothing
           is paid
stage        waiting  active       done
read               0       1        120
record           120      64     12,345
call           1,200      98      6,400
close              0       3      6,300""".splitlines()
    )


def test_no_rate_is_shown_before_it_means_something() -> None:
    early = plain(frame(replace(RUNNING, elapsed=MIN_RATE_SECONDS - 0.1), 80))
    assert "/min " not in early
    assert "\nrate " not in early
    assert "\nrate       1,170 calls/min" in plain(frame(replace(RUNNING, elapsed=MIN_RATE_SECONDS), 80))


@pytest.mark.parametrize(
    ("counts", "shown"),
    [
        ({"sections": 225, "resumed": 225}, "all 225 sections already answered"),
        ({"sections": 1, "resumed": 1}, "all 1 section already answered"),
        ({"sections": 225, "resumed": 200, "cached": 25}, "225 sections, no call needed"),
        ({}, "no sections yet"),
    ],
)
def test_a_run_without_calls_says_so_in_words(counts: dict[str, int], shown: str) -> None:
    assert plain(frame(Snapshot(**counts), 80)).splitlines()[2].startswith(f"sections   {shown}  failed 0")


@pytest.mark.parametrize(("name", "attention"), [("failed", {"bold red"}), ("throttled", {"yellow"}), ("held", set())])
def test_only_counts_above_zero_are_highlighted(name: str, attention: set[str]) -> None:
    assert styles(frame(RUNNING, 80), f"{name} ") == attention


def test_unknown_figures_are_not_made_up() -> None:
    shown = plain(frame(Snapshot(cost_usd=None), 80))
    assert " ?%" in shown
    assert "left" not in shown
    assert "0 read" in shown
    assert "not configured, not learned yet" in shown
    assert "unknown price" in shown


def test_a_quota_says_how_it_is_known_and_how_it_refills() -> None:
    shown = plain(frame(replace(RUNNING, quota=Quota(rpm=600, source="configured", burst_s=1.0)), 80))
    words = " ".join(shown.split())
    assert "600 requests/minute (configured) utilisation 97%" in words
    learned = Quota(rpm=598.0, source="learned", rpm_kind="bucket")
    words = " ".join(plain(frame(replace(RUNNING, quota=learned), 80)).split())
    assert "about 598 requests/minute (learned, token bucket)" in words


def test_a_pause_and_a_stop_say_why_right_below_the_bar_and_safely() -> None:
    paused = plain(frame(replace(RUNNING, paused="service unavailable \x1b[2J"), 80)).splitlines()
    assert paused[1] == r"paused     service unavailable \x1b[2J"
    stopping = plain(frame(replace(RUNNING, paused="x", stopping="the budget of $5 is used up"), 80)).splitlines()
    assert stopping[1] == "stopping   the budget of $5 is used up"
    assert "paused" not in stopping[2]


def test_a_pause_with_a_known_end_counts_down() -> None:
    shown = plain(frame(replace(RUNNING, paused="5 calls in a row failed", next_call=42.3), 80))
    assert shown.splitlines()[1] == "paused     5 calls in a row failed; next call in 42s"


def test_fallback_answers_are_counted_if_there_are_any() -> None:
    assert "fallback" not in plain(frame(RUNNING, 80))
    assert styles(frame(replace(RUNNING, fallback=5), 80), "fallback 5") == {"yellow"}


def test_a_long_reason_takes_a_few_lines_at_most() -> None:
    usual = len(frame(RUNNING, 40))
    assert len(frame(replace(RUNNING, paused="too many requests " * 100), 40)) <= usual + 5


def test_advice_is_shown() -> None:
    advised = replace(RUNNING, advice=(Advice("--max-tokens", 900, 1.2, "a smaller --max-tokens is faster"),))
    assert "advice     a smaller --max-tokens is faster" in plain(frame(advised, 80)).splitlines()
