"""Progress as lines, and no progress at all."""

import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
from running import without_times
from snapshots import RUNNING

from cli.render.log import as_json, bare
from cli.render.progress.display import Display
from cli.render.progress.live import LiveDisplay
from cli.render.progress.plain import PlainDisplay, SilentDisplay, progress_line, progress_message
from jobs.progress.snapshot import Snapshot


class Lines(io.StringIO):
    """A stream with an event for a number of lines."""

    def __init__(self, lines: int) -> None:
        super().__init__()
        self._lines = lines
        self.enough = threading.Event()

    def flush(self) -> None:
        super().flush()
        if self.getvalue().count("\n") >= self._lines:
            self.enough.set()


def test_a_line_has_all_figures() -> None:
    assert progress_line(replace(RUNNING, emulated=True)) == (
        "[2m 05s] 42%  120/300 documents  6,300/12,000 answers  1,170 calls/min  throttled 40  failed 7  incomplete 3"
        "  unreadable 2  cost $39.42 at list price, nothing is paid  about 2m 52s left"
    )
    assert progress_line(Snapshot(cost_usd=None)) == (
        "[0s]  0 documents  no sections yet  throttled 0  failed 0  cost unknown price"
    )


def test_a_reason_is_one_safe_line() -> None:
    assert progress_line(replace(RUNNING, stopping="a\nb\x1b")).endswith(r"stopping: a\nb\x1b")
    assert progress_line(replace(RUNNING, paused="busy")).endswith("paused: busy")


def test_the_last_line_comes_after_the_messages_and_none_comes_before_the_run_has_begun() -> None:
    stream, shot = Lines(lines=1), Snapshot(elapsed=9.0)
    with PlainDisplay(lambda: shot, stream, period=0.001) as display:
        display.notice("the start")
        assert stream.enough.wait(10)
        shot = replace(RUNNING, elapsed=130.0)
    lines = without_times(stream.getvalue()).splitlines()
    assert (lines[0], lines[-1][:8]) == ("note: the start", "[2m 10s]")


@pytest.mark.parametrize("begun", [Snapshot(documents=1), Snapshot(sections=512), Snapshot(calls=1)])
def test_progress_is_shown_from_the_first_section_or_call_on(begun: Snapshot) -> None:
    stream = io.StringIO()
    with PlainDisplay(lambda: begun, stream, period=3600):
        pass
    assert without_times(stream.getvalue()) == progress_line(begun) + "\n"


def test_as_json_every_line_is_an_object_with_the_figures_of_the_line() -> None:
    stream = io.StringIO()
    with PlainDisplay(lambda: RUNNING, stream, as_json, period=3600) as display:
        display.notice("a", "b")
        display.warning("c")
    note, warning, progress = map(json.loads, stream.getvalue().splitlines())
    assert (note["event"], note["message"], note["hint"]) == ("note", "a", "b")
    assert (warning["level"], warning["message"]) == ("warning", "c")
    assert (progress["event"], progress["message"]) == ("progress", progress_line(RUNNING))
    assert (progress["units_done"], progress["throttled"], progress["elapsed_s"]) == (6_300, 40, 125.0)


@pytest.mark.parametrize("display", [LiveDisplay, PlainDisplay, SilentDisplay, partial(SilentDisplay, quiet=True)])
def test_every_display_says_a_progress_line_on_request(display: Callable[..., Display]) -> None:
    stream = io.StringIO()
    shown = display(stream) if display not in (LiveDisplay, PlainDisplay) else display(Snapshot, stream)
    with shown:
        shown.say(progress_message(RUNNING))
    assert progress_line(RUNNING)[:60] in stream.getvalue()


def test_a_line_comes_every_period() -> None:
    stream = Lines(lines=3)
    with PlainDisplay(lambda: RUNNING, stream, period=0.01):
        assert stream.enough.wait(10)


def test_messages_are_lines_without_any_control_character() -> None:
    stream = Lines(lines=3)
    with PlainDisplay(lambda: RUNNING, stream, period=3600) as display:
        display.notice("cannot read report [/draft]\x1b]52;c;x\x07\r\n.pdf", "open it")
        display.error("no access")
        assert stream.enough.wait(10)
    assert without_times(stream.getvalue()).splitlines()[:3] == [
        r"note: cannot read report [/draft]\x1b]52;c;x\x07\r\n.pdf",
        "hint: open it",
        "error: no access",
    ]
    assert all(char == "\n" or char.isprintable() for char in stream.getvalue())


def test_the_last_messages_are_printed_before_the_last_line() -> None:
    stream = io.StringIO()
    with PlainDisplay(lambda: RUNNING, stream, period=3600) as display:
        display.error("the very end")
    assert without_times(stream.getvalue()) == f"error: the very end\n{progress_line(RUNNING)}\n"


@pytest.mark.parametrize(
    ("quiet", "shown"), [(False, "note: a\nhint: b\nerror: c\nhint: d\n"), (True, "error: c\nhint: d\n")]
)
def test_without_progress_messages_are_printed_and_with_quiet_only_errors(quiet: bool, shown: str) -> None:
    stream = io.StringIO()
    with SilentDisplay(stream, bare, quiet=quiet) as display:
        display.notice("a", "b")
        display.error("c", "d")
    assert stream.getvalue() == shown


RUN = """
import sys, threading
from cli.render.progress.display import display
from jobs.progress.snapshot import Snapshot
seen = threading.Event()
def snapshot():
    seen.set()
    return Snapshot(documents=1)
with display(sys.argv[1], quiet=False, no_color=False, snapshot=snapshot) as shown:
    shown.notice("a notice")
    shown.error("an error")
assert sys.argv[1] == "none" or seen.is_set()
print("printed to stderr by others", file=sys.stderr, flush=True)
print("the run went on")
"""


@pytest.mark.parametrize("mode", ["plain", "none"])
def test_a_stderr_without_a_reader_breaks_neither_the_run_nor_later_writes(mode: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    run = subprocess.run([sys.executable, "-c", RUN, mode], stdout=subprocess.PIPE, stderr=writer, timeout=60)
    os.close(writer)
    assert (run.returncode, run.stdout) == (0, b"the run went on\n")


def test_a_stderr_closed_from_the_start_is_no_error() -> None:
    run = subprocess.run(
        ["sh", "-c", 'exec "$0" -c "$1" auto 2>&-', sys.executable, RUN.replace("seen.is_set()", "sys.stderr is None")],
        stdout=subprocess.PIPE,
        timeout=60,
    )
    assert run.returncode == 0
    assert run.stdout.endswith(b"the run went on\n")
