"""What shows a run while it is on, and which of the ways fits where stderr leads."""

import os
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self, TextIO

from jobs.progress.snapshot import Snapshot

MODES = ("auto", "live", "plain", "none")


class Display(Protocol):
    """Shows a run between `__enter__` and `__exit__`; takes messages for a person, foreign text included."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...

    def close(self) -> None:
        """Give the terminal back: for an end without `__exit__` (a second Ctrl-C). May be called twice."""

    def notice(self, text: str, hint: str = "") -> None:
        """Say something; never raises for a stream that is closed."""

    def error(self, text: str, hint: str = "") -> None:
        """Say that something went wrong; the only thing that is said with --quiet."""


def display(
    mode: str,
    *,
    quiet: bool,
    no_color: bool,
    snapshot: Callable[[], Snapshot],
    emulated: bool,
    stderr: TextIO | None = None,
) -> Display:
    """The display for a mode of `--progress`; on sys.stderr unless another stream is given.

    `auto` and `live` are the live display where stderr is a terminal that can move its cursor, else plain lines:
    control sequences in a log help nobody. `none` still shows notices and errors, `quiet` errors only.

    Raises:
        ValueError: the mode is none of MODES.
    """
    if mode not in MODES:
        raise ValueError(f"--progress is {mode!r}, but must be one of {', '.join(MODES)}")
    from cli.render.progress.plain import PlainDisplay, SilentDisplay

    stream: TextIO | None = sys.stderr if stderr is None else stderr
    if stream is None or quiet or mode == "none":  # None: the program was started with stderr closed
        return SilentDisplay(stream, quiet=quiet)
    if mode == "plain" or not can_move_its_cursor(stream):
        return PlainDisplay(snapshot, stream, emulated=emulated)
    from cli.render.progress.live import LiveDisplay

    return LiveDisplay(snapshot, stream, no_color=no_color, emulated=emulated)


def can_move_its_cursor(stream: TextIO) -> bool:
    """Whether it is a terminal on which a frame can be redrawn."""
    return stream.isatty() and os.environ.get("TERM", "") not in {"", "dumb", "unknown"}
