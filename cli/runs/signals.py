"""Signals during a run: the first asks for a clean end, the second ends it at once."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cli.errors import ENDING, SIGNAL, SignalReceived

SHOW_INTERVAL = 0.2
"""Seconds between two lines of progress that SIGUSR1 asks for."""


class Signals:
    """Calls `first` for the first signal, `again` for every further one, and records the first."""

    def __init__(self, first: Callable[[], object] = lambda: None) -> None:
        self.received: signal.Signals | None = None
        self.first = first
        self.again: Callable[[], object] = first

    def handle(self, first: Callable[[], object], again: Callable[[], object]) -> None:
        """Call these from now on.

        If a signal was received before, `first` is called at once: what the signal cancelled may have gone on, since
        asyncio.wait_for (before Python 3.12) drops a cancellation that meets the end of what it waits for.
        """
        self.first, self.again = first, again
        if self.received is not None:
            first()

    @property
    def exit_codes(self) -> list[int]:
        """128+N for the first signal N received; empty if none was."""
        return [] if self.received is None else [SIGNAL + self.received]

    def receive(self, number: signal.Signals) -> None:
        if self.received is None:
            self.received = number
            self.first()
        else:
            self.again()


def ignore() -> None:
    """From now on nothing interrupts the report of the run."""
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def showing_progress(show: Callable[[], object]) -> Iterator[None]:
    """Let the running loop call `show` on SIGUSR1, which is ignored before (cli.app) and afterwards.

    A flood of signals gives one call in SHOW_INTERVAL.
    """
    loop = asyncio.get_running_loop()
    is_due = False

    def show_soon(*_: object) -> None:
        nonlocal is_due
        if not is_due:
            is_due = True
            loop.call_soon_threadsafe(show_once)

    def show_once() -> None:
        show()
        loop.call_later(SHOW_INTERVAL, rest)

    def rest() -> None:
        nonlocal is_due
        is_due = False

    # Not loop.add_signal_handler: to remove it restores the default for a moment, and that ends the process.
    signal.signal(signal.SIGUSR1, show_soon)
    try:
        yield
    finally:
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)


@contextmanager
def listening(signals: Signals) -> Iterator[None]:
    """Handle the signals of the running loop; a signal that the process ignores (nohup) stays ignored.

    Afterwards they are ignored: nothing may interrupt the writing of the summary.
    """
    loop = asyncio.get_running_loop()
    handled = [number for number in ENDING if signal.getsignal(number) is not signal.SIG_IGN]
    for number in handled:
        loop.add_signal_handler(number, signals.receive, number)
    if SignalReceived.last is not None:
        signals.receive(signal.Signals(SignalReceived.last.number))
    try:
        yield
    finally:
        for number in handled:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)
