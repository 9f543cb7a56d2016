"""Signals during a run: the first asks for a clean end, the second for one at once."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """What to do when the process is asked to end; which signal asked is remembered."""

    def __init__(self, first: Callable[[], object]) -> None:
        self.received: signal.Signals | None = None
        self.first = first
        self.again: Callable[[], object] = first

    def receive(self, number: signal.Signals) -> None:
        """A signal has come."""
        if self.received is None:
            self.received = number
            self.first()
        else:
            self.again()


@contextmanager
def listening(signals: Signals) -> Iterator[None]:
    """Hand signals of the running loop over; one that the process was told to ignore (nohup) stays ignored."""
    loop = asyncio.get_running_loop()
    heard = [number for number in ENDING if signal.getsignal(number) is not signal.SIG_IGN]
    for number in heard:
        loop.add_signal_handler(number, signals.receive, number)
    try:
        yield
    finally:
        for number in heard:
            loop.remove_signal_handler(number)
