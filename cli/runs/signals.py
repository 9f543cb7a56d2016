"""Signals during a run: the first asks for a clean end, the second for one at once."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cli.errors import SIGNAL

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _nothing() -> None:
    """Nobody listens yet."""


class Signals:
    """What to do when the process is asked to end; which signal asked is remembered."""

    def __init__(self, first: Callable[[], object] = _nothing) -> None:
        self.received: signal.Signals | None = None
        self.first = first
        self.again: Callable[[], object] = first

    @property
    def exit_codes(self) -> list[int]:
        """128+N for the first signal N that came; empty if none did."""
        return [] if self.received is None else [SIGNAL + self.received]

    def receive(self, number: signal.Signals) -> None:
        """A signal has come."""
        if self.received is None:
            self.received = number
            self.first()
        else:
            self.again()


@contextmanager
def listening(signals: Signals) -> Iterator[None]:
    """Hand signals of the running loop over; one that the process was told to ignore (nohup) stays ignored.

    Afterwards they are ignored: what is left to do is to write the summary, and that is not to be interrupted.
    """
    loop = asyncio.get_running_loop()
    heard = [number for number in ENDING if signal.getsignal(number) is not signal.SIG_IGN]
    for number in heard:
        loop.add_signal_handler(number, signals.receive, number)
    try:
        yield
    finally:
        for number in heard:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)
