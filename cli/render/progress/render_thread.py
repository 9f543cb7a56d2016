"""The one thread that writes to stderr during a run: the run itself never waits for a terminal."""

import atexit
import contextlib
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Self, TextIO

from cli.render import log
from cli.render.log import Message
from cli.render.stream import put, silence

TICK = 0.25
"""Seconds between two checks for something to draw or print: four frames a second."""
MAX_MESSAGES = 10_000
"""Kept while the terminal is blocked (Ctrl-S); beyond that the oldest are dropped, so memory stays bounded."""
PATIENCE = 5.0
"""Seconds to wait at the end for a terminal that does not take its last frame (Ctrl-S, a dead connection)."""


class DrawingThread(ABC):
    """A display that draws every `period` seconds in its own thread, and prints messages as they come.

    The first drawing comes after `first` seconds. Messages and `close` may come from any thread. An error of the
    stream ends the display, never the run.
    """

    def __init__(self, stream: TextIO, period: float, *, first: float = 0.0) -> None:
        self._stream = stream
        self._first = first
        self._period = period
        self._messages: deque[Message] = deque(maxlen=MAX_MESSAGES)
        self._closing = threading.Event()
        # A daemon, so that a display that was never closed does not block the exit; atexit closes it even then.
        self._thread = threading.Thread(target=self._run, name="display", daemon=True)

    def __enter__(self) -> Self:
        atexit.register(self.close)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def say(self, message: Message) -> None:
        """Queue a message; returns at once."""
        self._messages.append(message)

    def notice(self, text: str, hint: str = "") -> None:
        self.say(Message(text, hint))

    def warning(self, text: str, hint: str = "") -> None:
        """A notice of something that went wrong; only JSON tells it from others."""
        self.say(log.warning(text, hint))

    def error(self, text: str, hint: str = "") -> None:
        self.say(log.error(text, hint))

    def close(self) -> None:
        """Print what is queued and restore the terminal; may be called twice."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(PATIENCE)
        atexit.unregister(self.close)

    def _run(self) -> None:
        try:
            with self._screen():
                self._draw_until_closed()
        except OSError:  # the terminal went away; a bug is not caught, threading.excepthook prints it
            silence(self._stream)

    def _draw_until_closed(self) -> None:
        due = time.monotonic() + self._first
        while not self._closing.is_set():
            self._print_messages()
            if time.monotonic() >= due:
                self._draw()
                due = time.monotonic() + self._period
            self._closing.wait(TICK)
        self._print_messages()
        self._draw()

    def _print_messages(self) -> None:
        if messages := [self._messages.popleft() for _ in range(len(self._messages))]:
            self._say(messages)

    def _screen(self) -> AbstractContextManager[object]:
        """Entered before the first drawing, left after the last."""
        return contextlib.nullcontext()

    @abstractmethod
    def _draw(self) -> None:
        """Draw the current state; the last time once `_closing` is set."""

    def _say(self, messages: Sequence[Message]) -> None:
        for message in messages:
            put(self._stream, log.bare(message))
