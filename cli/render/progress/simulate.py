"""Progress of `simulate`: a line redrawn in place on a terminal, and a line now and then elsewhere."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text

from cli.render.numbers import percent
from cli.render.progress.display import can_move_its_cursor
from cli.render.progress.plain import PERIOD
from cli.render.progress.render_thread import TICK, DrawingThread, Message
from cli.render.stream import put
from jobs.simulation.experiment import Experiment
from jobs.simulation.server import SimulatedBedrock
from jobs.simulation.workload import Workload

LIVE_DELAY = 0.5
"""Seconds before the live line appears: short simulations show none."""


class SimulateDisplay(DrawingThread):
    """Shows which algorithm is running and how far it is."""

    period, first = PERIOD, PERIOD
    """Seconds between drawings, and before the first one."""

    def __init__(self, names: Sequence[str], experiment: Experiment, stream: TextIO) -> None:
        super().__init__(stream, self.period, first=self.first)
        self._names, self._experiment = names, experiment
        self._running: tuple[str, Workload, SimulatedBedrock] | None = None

    def on_start(self, name: str, workload: Workload, server: SimulatedBedrock) -> None:
        """An algorithm starts; called from the thread that simulates."""
        self._running = name, workload, server

    def line(self) -> str:
        """Empty before the first algorithm starts."""
        if self._running is None:
            return ""
        name, workload, server = self._running
        duration = self._experiment.duration
        if duration is not None:
            fraction = min(1.0, server.now / duration)
        else:
            fraction = server.answered / workload.count if workload.count else 0.0
        return f"simulating {name} ({self._names.index(name) + 1} of {len(self._names)})  {percent(fraction)}"

    def _say(self, messages: Sequence[Message]) -> None:
        for message in messages:
            put(self._stream, message.block())


class PlainSimulateDisplay(SimulateDisplay):
    """A line every PERIOD seconds."""

    def _draw(self) -> None:
        if not self._closing.is_set():
            put(self._stream, f"{self.line()}\n")


class LiveSimulateDisplay(SimulateDisplay):
    """One line on a terminal, removed at the end."""

    period, first = TICK, LIVE_DELAY

    def _screen(self) -> AbstractContextManager[object]:
        console = Console(file=self._stream, force_terminal=True, force_interactive=True, highlight=False)
        self._live = Live(console=console, auto_refresh=False, transient=True)
        return self._live

    def _draw(self) -> None:
        self._live.update(Text(self.line()), refresh=True)


def simulate_display(names: Sequence[str], experiment: Experiment, stream: TextIO) -> SimulateDisplay:
    """The live display if the stream is a terminal, else the plain one."""
    display = LiveSimulateDisplay if can_move_its_cursor(stream) else PlainSimulateDisplay
    return display(names, experiment, stream)
