"""The live display on a real pseudo-terminal."""

import fcntl
import io
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
from rich.cells import cell_len
from snapshots import RUNNING

from cli.render.log import Message
from cli.render.progress.live import ERASE_LINE, UP, LiveDisplay
from jobs.progress.snapshot import Snapshot

HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"
KNOWN = re.compile(r"\x1b\[(?:[0-9;]*m|2K|[0-9]*A|\?25[lh])")
"""Colours, erase the line, go up, hide and show the cursor: all that a display sends."""
HOSTILE = r"report [/draft] [red]\x1b]52;c;aGk=\x07\x9b2J\u202efdp.exe"

CHILD = """
import os, sys, threading
sys.path.insert(0, {support!r})
from dataclasses import replace
from cli.render.progress.live import LiveDisplay
from snapshots import RUNNING
from jobs.progress.snapshot import Snapshot
pause = threading.Event().wait
def snapshot():
    return replace(RUNNING, emulated=True, retried=os.get_terminal_size(2).columns)
display = LiveDisplay(snapshot, sys.stderr)
{body}
"""


class Terminal:
    """A pseudo-terminal with a program that draws, and its output so far."""

    def __init__(self, body: str, columns: int = 80, **environment: str) -> None:
        self._master, self._slave = pty.openpty()
        self._ends = [self._master, self._slave]
        self.resize(columns)
        support = os.path.dirname(sys.modules["snapshots"].__file__ or "")  # noqa: PTH120
        env = {k: v for k, v in os.environ.items() if k not in {"COLUMNS", "LINES", "NO_COLOR"}}
        self.child = subprocess.Popen(
            [sys.executable, "-c", CHILD.format(support=support, body=body)],
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            start_new_session=True,
            env=env | {"TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8", "PYTHON_COLORS": "0"} | environment,
        )
        self.output = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.child.kill()
        self.child.wait()
        self.hang_up()

    def hang_up(self) -> None:
        while self._ends:
            os.close(self._ends.pop())

    def resize(self, columns: int) -> None:
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))

    def read_until(self, done: Callable[[str], bool]) -> str:
        """Read on until what was written since now satisfies `done`; returns that."""
        raw = b""
        for _ in self._reads():
            raw += os.read(self._master, 65536)
            if done(raw.decode("utf-8", "ignore")):
                break
        else:
            pytest.fail(f"it never came; the output so far: {self.output + raw.decode('utf-8', 'replace')!r}")
        self.output += raw.decode("utf-8", "ignore")
        return raw.decode("utf-8", "ignore")

    def end(self) -> int:
        """Read all that is left and wait for the end of the program."""
        self.child.wait(20)
        raw = b""
        while select.select([self._master], [], [], 0)[0]:
            raw += os.read(self._master, 65536)
        self.output += raw.decode()
        return self.child.returncode

    def _reads(self) -> Iterator[None]:
        until = time.monotonic() + 20
        while time.monotonic() < until:
            if select.select([self._master], [], [], 1)[0]:
                yield


def written_lines(output: str) -> list[str]:
    return [line for line in re.split(r"[\r\n]+", KNOWN.sub("", output)) if line]


def assert_clean(output: str) -> None:
    """Nothing but known sequences, and the cursor is shown at the end."""
    assert output.rindex(SHOW) > output.rindex(HIDE)
    assert [char for char in KNOWN.sub("", output) if not char.isprintable() and char not in "\r\n"] == []


def test_it_follows_a_resize_and_restores_the_terminal_after_ctrl_c() -> None:
    body = f"""
try:
    with display:
        while os.get_terminal_size(2).columns != 40:
            pause(0.01)
        display.notice("cannot read {HOSTILE}", "look at it")
        pause(60)
except KeyboardInterrupt:
    sys.exit(130)
"""
    with Terminal(body) as terminal:
        wide = terminal.read_until(lambda new: "close  " in new and "retried 80" in new)
        terminal.resize(40)
        os.kill(terminal.child.pid, signal.SIGWINCH)
        terminal.read_until(lambda new: "look at it" in new)
        # The frame that was being drawn at the resize may still be wide.
        narrow = terminal.read_until(lambda new: new.count("retried 40") >= 3).partition("retried 40")[2]
        os.kill(terminal.child.pid, signal.SIGINT)
        assert terminal.end() == 130
        output = terminal.output
    assert_clean(output)
    assert max(map(cell_len, written_lines(wide))) == 59
    assert max(map(cell_len, written_lines(narrow))) == 39
    assert "time       2m 05s elapsed" in written_lines(narrow)
    assert r"\x1b]52;c;aGk=\x07\x9b2J\u202efdp.exe" in "".join(written_lines(output))


@pytest.mark.parametrize("end", ["raise ValueError('a bug')", "sys.exit(3)", "os.kill(os.getpid(), 2); pause(60)"])
def test_the_cursor_comes_back_however_the_run_ends(end: str) -> None:
    with Terminal(f"with display:\n    pause(0.1)\n    {end}") as terminal:
        assert terminal.end() != 0
        assert_clean(terminal.output)
        assert "close  " in terminal.output


def test_the_cursor_comes_back_even_if_the_display_is_never_closed() -> None:
    with Terminal("display.__enter__(); pause(0.1); display.notice('the last word')") as terminal:
        assert terminal.end() == 0
        assert_clean(terminal.output)
        assert "note: the last word" in terminal.output


def test_a_bug_in_the_display_is_printed_and_harms_neither_the_terminal_nor_the_run() -> None:
    body = """
display._snapshot = lambda shots=[RUNNING]: shots.pop() if shots else int("a bug")
with display:
    pause(0.6)
print("the run went on")
"""
    with Terminal(body) as terminal:
        assert terminal.end() == 0
        assert_clean(terminal.output)
        assert "ValueError: invalid literal for int() with base 10: 'a bug'" in terminal.output
        assert "the run went on" in terminal.output


def test_a_terminal_that_goes_away_does_not_end_the_run(tmp_path: Path) -> None:
    result = tmp_path / "result"
    body = f"""
with display:
    display._thread.join(20)  # it ends where it can no longer draw
    display.error("no reader")
sys.stderr.write("nor this")
open({str(result)!r}, "w").write("done")
"""
    with Terminal(body) as terminal:
        terminal.read_until(lambda new: "close  " in new)
        terminal.hang_up()
        assert terminal.child.wait(20) == 0
    assert result.read_text() == "done"


def test_messages_are_above_the_display_and_in_order() -> None:
    body = "with display:\n    [display.error(f'number {n}') for n in range(3)]\n    pause(0.4)"
    with Terminal(body, columns=120) as terminal:
        assert terminal.end() == 0
        lines = written_lines(terminal.output)
    errors = [index for index, line in enumerate(lines) if line.startswith("error: number")]
    assert [lines[index] for index in errors] == ["error: number 0", "error: number 1", "error: number 2"]
    assert errors[-1] < len(lines) - 1
    assert "42%" in lines[errors[-1] + 1]


def test_no_color_removes_only_the_colours() -> None:
    body = "with display: pause(0.1)"
    with Terminal(body) as colourful, Terminal(body, NO_COLOR="1") as plain:
        colourful.end()
        plain.end()
    assert "\x1b[33mthrottled 40" in colourful.output
    assert "throttled 40" in plain.output
    assert "\x1b[33m" not in plain.output
    assert_clean(plain.output)


def draw(display: LiveDisplay, size: tuple[int, int]) -> str:
    """Draw one frame; returns what it writes."""
    stream = display._stream
    assert isinstance(stream, io.StringIO)
    before = len(stream.getvalue())
    display._console.size = size
    display._draw()
    return stream.getvalue()[before:]


def test_a_low_terminal_shows_the_most_important_lines() -> None:
    shown = [line.split()[0] for line in written_lines(draw(LiveDisplay(lambda: RUNNING, io.StringIO()), (80, 4)))]
    assert shown[1:] == ["documents", "sections"]


def test_nothing_is_drawn_before_the_run_has_begun() -> None:
    shot = Snapshot(elapsed=9.0)
    display = LiveDisplay(lambda: shot, io.StringIO())
    assert draw(display, (80, 30)) == ""
    shot = Snapshot(documents=1)
    assert "documents" in draw(display, (80, 30))


def test_at_the_end_the_display_is_erased_and_the_messages_stay() -> None:
    display = LiveDisplay(lambda: RUNNING, io.StringIO())
    lines = written_lines(draw(display, (80, 30)))
    display._say([Message("the last word")])
    display._closing.set()
    end = draw(display, (80, 30))
    assert KNOWN.sub("", end) == "\r"
    assert end.count(ERASE_LINE) == len(lines)
    assert draw(display, (80, 30)) == ""


@pytest.mark.parametrize("columns", [100, 60, 59, 30])
def test_a_resized_terminal_is_erased_from_the_first_row_of_the_last_frame(columns: int) -> None:
    display = LiveDisplay(lambda: RUNNING, io.StringIO())
    widths = [cell_len(line) for line in written_lines(draw(display, (120, 30)))]
    erased = re.split("[━a-z]", draw(display, (columns, 30)))[0]
    rows = sum(-(-width // columns) for width in widths)
    assert erased.count(UP) == rows - 1
    assert erased.count(ERASE_LINE) == rows


def test_drawing_costs_little() -> None:
    """The target is 25 ms of CPU a second; a frame may take a quarter of that, with a margin for a slow machine."""
    stream = io.StringIO()
    display = LiveDisplay(lambda: RUNNING, stream)
    display._draw()
    start = time.thread_time()
    for _ in range(50):
        display._draw()
    assert (time.thread_time() - start) / 50 < 0.025
