"""The display of a run, chosen by --progress and by what standard error is."""

import os
import sys
from collections.abc import Callable
from typing import Literal, TextIO

from cli.render.log import renderer
from cli.render.progress.plain import PlainDisplay, SilentDisplay
from cli.render.progress.render_thread import DrawingThread
from jobs.progress.snapshot import Snapshot

Display = DrawingThread | SilentDisplay
"""Shows a run between `__enter__` and `__exit__`, and prints messages, which may hold foreign text."""


def display(
    mode: Literal["auto", "live", "plain", "none"],
    *,
    quiet: bool,
    no_color: bool,
    log_format: Literal["text", "json"] = "text",
    snapshot: Callable[[], Snapshot],
    stderr: TextIO | None = None,
) -> Display:
    """The display for a mode of `--progress`, on sys.stderr or another stream.

    `auto` and `live` are the live display if stderr is a terminal that can move its cursor, else plain lines, since a
    log needs no control sequences. `none` still prints notes and errors, `quiet` errors only. JSON is never live.
    """
    stream: TextIO | None = sys.stderr if stderr is None else stderr
    render = renderer(log_format, quiet=quiet)
    if stream is None or quiet or mode == "none":  # None: stderr was closed when the program started
        return SilentDisplay(stream, render, quiet=quiet)
    if mode == "plain" or log_format == "json" or not can_move_its_cursor(stream):
        return PlainDisplay(snapshot, stream, render)
    from cli.render.progress.live import LiveDisplay

    return LiveDisplay(snapshot, stream, no_color=no_color)


def can_move_its_cursor(stream: TextIO) -> bool:
    """Whether the stream is a terminal on which a frame can be redrawn."""
    return stream.isatty() and os.environ.get("TERM", "") not in {"", "dumb", "unknown"}
