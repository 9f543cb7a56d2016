"""The whole command in a pseudo-terminal."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import pytest
from running import PATIENCE, Workplace, emulator

HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"
HARMLESS = re.compile(r"\x1b\[[0-9;]*[A-KSTfmsu]|\x1b\[\?25[lh]")
"""Colours, cursor movement and erasing: all that a live display sends."""


class Terminal:
    """A pseudo-terminal with the command in it."""

    def __init__(self, place: Workplace, *options: str, columns: int) -> None:
        self.main, second = pty.openpty()
        self.resize(columns)
        environment = place.env() | {"TERM": "xterm-256color"}
        command = [part for part in place.command(*options) if part not in ("--progress", "plain")]
        self.process = subprocess.Popen(
            command, cwd=place.folder, env=environment, stdin=second, stdout=second, stderr=second,
            # Its controlling terminal, so that Ctrl-C reaches it; there are no other threads here.
            start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509
        )  # fmt: skip
        os.close(second)
        self.output = ""

    def resize(self, columns: int) -> None:
        fcntl.ioctl(self.main, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))

    def read_until(self, text: str) -> None:
        """Read until this text is in the new output."""
        start, end = len(self.output), time.monotonic() + PATIENCE
        while text not in self.output[start:]:
            assert time.monotonic() < end, f"{text!r} did not come: {self.output[-2000:]!r}"
            self._read()

    def end(self) -> int:
        """Read to the end; returns the exit code."""
        while self._read():
            pass
        os.close(self.main)
        return self.process.wait(PATIENCE)

    def _read(self) -> bool:
        if not select.select([self.main], [], [], PATIENCE)[0]:
            return False
        try:
            data = os.read(self.main, 65_536)
        except OSError:  # Linux: the other side is closed
            return False
        self.output += data.decode("utf-8", "replace")
        return bool(data)


@pytest.fixture
def bedrock():
    with emulator(latency=1.0) as running:
        yield running


@pytest.fixture
def place(tmp_path, bedrock):
    place = Workplace(tmp_path, bedrock.url)
    place.sections(400, name="report [/draft]\x1b]52;c;x\x07.md")
    place.write("bad\x1b[2J.pdf", "x")
    return place


def assert_clean(output: str) -> None:
    assert "\x1b" not in HARMLESS.sub("", output)
    assert output.rindex(SHOW) > output.rindex(HIDE)


def test_ctrl_c_during_a_resized_display_ends_cleanly_and_restores_the_cursor(place, bedrock):
    terminal = Terminal(place, "--concurrency", "16", columns=40)
    terminal.read_until("answers")
    terminal.resize(100)
    terminal.process.send_signal(signal.SIGWINCH)
    while not bedrock.ledger():
        terminal.read_until("answers")
    os.write(terminal.main, b"\x03")
    assert terminal.end() == 130
    assert_clean(terminal.output)
    assert r"bad\x1b[2J.pdf" in terminal.output
    assert "SIGINT" in terminal.output
    assert sum(row["status"] == "ok" for row in place.results()) == place.summary()["calls"] > 0


def test_a_finished_run_leaves_the_messages_and_the_final_block(place):
    terminal = Terminal(place, "--concurrency", "400", columns=80)
    assert terminal.end() == 3
    assert_clean(terminal.output)
    assert "out/results.jsonl" in terminal.output
    assert "400" in terminal.output


def test_an_outage_counts_down_to_the_next_call_and_ctrl_c_ends_the_run(place):
    place.url = "http://127.0.0.1:9"
    terminal = Terminal(place, columns=200)
    terminal.read_until("refused;")
    terminal.read_until("58s\x1b")
    os.write(terminal.main, b"\x03")
    assert terminal.end() == 130
    assert_clean(terminal.output)
    assert place.summary()["pending"] == 400
