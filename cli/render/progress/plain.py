"""Progress without a terminal: one line every few seconds."""

from collections.abc import Callable, Sequence
from typing import Self, TextIO

from cli.render import log
from cli.render.log import Message, Render
from cli.render.numbers import MIN_RATE_SECONDS, cost, count, counted, duration, percent
from cli.render.progress.render_thread import DrawingThread
from cli.render.stream import put
from cli.render.text import safe
from jobs.progress.snapshot import Snapshot

PERIOD = 10.0
"""Seconds between two lines."""


class PlainDisplay(DrawingThread):
    """A line every `period` seconds and one at the end, with the messages between them."""

    def __init__(
        self, snapshot: Callable[[], Snapshot], stream: TextIO, render: Render = log.stamped, *, period: float = PERIOD
    ) -> None:
        super().__init__(stream, period, first=period)
        self._snapshot = snapshot
        self._render = render

    def _draw(self) -> None:
        shot = self._snapshot()
        if has_begun(shot):
            self._say([progress_message(shot)])

    def _say(self, messages: Sequence[Message]) -> None:
        for message in messages:
            put(self._stream, self._render(message))


class SilentDisplay:
    """No progress: only messages, and with `quiet` only errors."""

    def __init__(self, stream: TextIO | None, render: Render = log.stamped, *, quiet: bool = False) -> None:
        self._stream = stream
        self._render = render
        self._quiet = quiet

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def say(self, message: Message) -> None:
        """Print a message, also with `quiet`."""
        put(self._stream, self._render(message))

    def notice(self, text: str, hint: str = "") -> None:
        if not self._quiet:
            self.say(Message(text, hint))

    def warning(self, text: str, hint: str = "") -> None:
        if not self._quiet:
            self.say(log.warning(text, hint))

    def error(self, text: str, hint: str = "") -> None:
        self.say(log.error(text, hint))


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


FIELDS = (
    "documents", "documents_total", "unreadable", "sections", "resumed", "cached", "duplicates", "units", "units_done",
    "ok", "failed", "incomplete", "held", "fallback", "calls", "in_flight", "throttled", "retried", "input_tokens",
    "output_tokens", "cost_usd", "stopping", "paused",
)  # fmt: skip
"""Of a snapshot, in a progress line as JSON. `ok` to `fallback` count units."""


def progress_message(shot: Snapshot) -> Message:
    """The progress of a run, as a line and as figures."""
    fields = {
        "elapsed_s": round(shot.elapsed, 3),
        "eta_s": None if shot.eta is None else round(shot.eta, 3),
        "calls_per_minute": round(shot.calls_per_minute, 1),
        **{name: getattr(shot, name) for name in FIELDS},
    }
    return Message(progress_line(shot), event="progress", fields=fields)


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
