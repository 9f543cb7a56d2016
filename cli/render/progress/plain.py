"""Progress without a terminal: one line every few seconds."""

from collections.abc import Callable
from typing import Self, TextIO

from cli.render.numbers import MIN_RATE_SECONDS, cost, count, counted, duration, percent
from cli.render.progress.render_thread import DrawingThread, Message
from cli.render.stream import put
from cli.render.text import safe
from jobs.progress.snapshot import Snapshot

PERIOD = 10.0
"""Seconds between two lines."""


class PlainDisplay(DrawingThread):
    """A line every `period` seconds and one at the end, with the messages between them."""

    def __init__(self, snapshot: Callable[[], Snapshot], stream: TextIO, *, period: float = PERIOD) -> None:
        super().__init__(stream, period, first=period)
        self._snapshot = snapshot

    def _draw(self) -> None:
        shot = self._snapshot()
        if has_begun(shot):
            put(self._stream, progress_line(shot) + "\n")


class SilentDisplay:
    """No progress: only messages, and with `quiet` only errors."""

    def __init__(self, stream: TextIO | None, *, quiet: bool = False) -> None:
        self._stream = stream
        self._quiet = quiet

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def notice(self, text: str, hint: str = "") -> None:
        if not self._quiet:
            put(self._stream, Message(text, hint).block())

    def error(self, text: str, hint: str = "") -> None:
        put(self._stream, Message(text, hint, error=True).block())


def has_begun(shot: Snapshot) -> bool:
    """Whether there is anything to show. Before, only messages are: an early error is not buried under zeros."""
    return bool(shot.documents or shot.sections or shot.calls)


def documents_read(shot: Snapshot) -> str:
    """`120/300`; `120` while the total is unknown."""
    return f"{shot.documents:,}" + ("" if shot.documents_total is None else f"/{shot.documents_total:,}")


def answers(shot: Snapshot) -> str:
    """`6,300/12,000 answers`; in words if no call is needed."""
    if shot.units:
        return f"{shot.units_done:,}/{shot.units:,} answers"
    if not shot.sections:
        return "no sections yet"
    if shot.sections == shot.resumed:
        return f"all {counted(shot.sections, 'section')} already answered"
    return f"{counted(shot.sections, 'section')}, no call needed"


def pause(shot: Snapshot) -> str:
    """Why no call starts, and for how long if that is known."""
    return f"{shot.paused}; next call in {duration(shot.next_call)}" if shot.next_call else shot.paused


def progress_line(shot: Snapshot) -> str:
    """The progress of a run on one line that can be read alone."""
    done = "" if shot.fraction is None else f" {percent(shot.fraction)}"
    troubles = {name: getattr(shot, name) for name in ("incomplete", "held", "fallback", "unreadable")}
    return "  ".join(
        [
            f"[{duration(shot.elapsed)}]{done}",
            f"{documents_read(shot)} documents",
            answers(shot),
            *([f"{count(shot.calls_per_minute)} calls/min"] if shot.elapsed >= MIN_RATE_SECONDS else []),
            f"throttled {shot.throttled:,}",
            f"failed {shot.failed:,}",
            *(f"{name} {number:,}" for name, number in troubles.items() if number),
            f"cost {cost(shot.cost_usd, emulated=shot.emulated)}",
            *([f"about {duration(shot.eta)} left"] if shot.eta is not None else []),
            *([f"stopping: {safe(shot.stopping)}"] if shot.stopping else []),
            *([f"paused: {safe(pause(shot))}"] if shot.paused and not shot.stopping else []),
        ]
    )
