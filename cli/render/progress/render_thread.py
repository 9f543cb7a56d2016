"""The one thread that writes to stderr while a run is on: the run itself never waits for a terminal."""

import atexit
import contextlib
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Self, TextIO

from cli.render.stream import forsake
from cli.render.text import safe

TICK = 0.25
"""Seconds between two looks at what there is to draw or to say: four frames a second."""
MOST_MESSAGES = 10_000
"""Kept for a terminal that takes none at the moment (Ctrl-S); then the oldest are dropped, not the memory filled."""
PATIENCE = 5.0
"""Seconds to wait at the end for a terminal that does not take its last frame (Ctrl-S, a dead connection)."""


@dataclass(frozen=True, slots=True)
class Message:
    """Something for a person; text and hint may be foreign."""

    text: str
    hint: str = ""
    error: bool = False

    def lines(self) -> list[str]:
        """It in safe lines: what it is, and what to do."""
        first = f"{'error' if self.error else 'note'}: {safe(self.text)}"
        return [first, f"hint: {safe(self.hint)}"] if self.hint else [first]

    def block(self) -> str:
        """The lines as they are written where there is no terminal to mind."""
        return "".join(f"{line}\n" for line in self.lines())


class DrawingThread(ABC):
    """A display that draws every `period` seconds, in a thread of its own, and prints messages as they come.

    The first drawing comes after `first` seconds.

    `notice`, `error` and `close` may be called from any thread. Whatever goes wrong with the stream ends the display,
    never the run.
    """

    def __init__(self, stream: TextIO, period: float, *, first: float = 0.0) -> None:
        self._stream = stream
        self._first = first
        self._period = period
        self._messages: deque[Message] = deque(maxlen=MOST_MESSAGES)
        self._closing = threading.Event()
        # A daemon, so that a display that was never closed does not keep the program; atexit closes it even then.
        self._thread = threading.Thread(target=self._run, name="display", daemon=True)

    def __enter__(self) -> Self:
        atexit.register(self.close)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def notice(self, text: str, hint: str = "") -> None:
        """Say something; returns at once."""
        self._messages.append(Message(text, hint))

    def error(self, text: str, hint: str = "") -> None:
        """Say that something went wrong; returns at once."""
        self._messages.append(Message(text, hint, error=True))

    def close(self) -> None:
        """Draw what is left and give the terminal back; the second time it does nothing."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(PATIENCE)
        atexit.unregister(self.close)

    def _run(self) -> None:
        try:
            with self._screen():
                self._draw_until_closed()
        except OSError:  # the terminal went away; a bug is not caught, it is told on stderr
            forsake(self._stream)

    def _draw_until_closed(self) -> None:
        due = time.monotonic() + self._first
        while not self._closing.is_set():
            self._say_what_waits()
            if time.monotonic() >= due:
                self._draw()
                due = time.monotonic() + self._period
            self._closing.wait(TICK)
        self._draw()
        self._say_what_waits()

    def _say_what_waits(self) -> None:
        if waiting := [self._messages.popleft() for _ in range(len(self._messages))]:
            self._say(waiting)

    def _screen(self) -> AbstractContextManager[object]:
        """What surrounds the drawing."""
        return contextlib.nullcontext()

    @abstractmethod
    def _draw(self) -> None:
        """Draw how things stand."""

    @abstractmethod
    def _say(self, messages: Sequence[Message]) -> None:
        """Print messages."""
