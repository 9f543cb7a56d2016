"""Progress of a simulation: a line that is redrawn on a terminal, and a line now and then elsewhere."""

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
from jobs.simulation.engine_run import Watch
from jobs.simulation.experiment import Simulation
from jobs.simulation.server import SimulatedBedrock
from jobs.simulation.workload import Work

PATIENCE = 0.5
"""Seconds after which it is worth to show something."""


class Simulating(DrawingThread):
    """Shows which algorithm runs, and how far it is."""

    period, first = PERIOD, PERIOD
    """Seconds between two drawings, and until the first one."""

    def __init__(self, names: Sequence[str], simulation: Simulation, stream: TextIO) -> None:
        super().__init__(stream, self.period, first=self.first)
        self._names, self._simulation = names, simulation
        self._name = ""
        self._parts: tuple[Work, SimulatedBedrock] | None = None

    def watch(self, name: str) -> Watch:
        """An algorithm's turn has come."""
        self._name, self._parts = name, None

        def begun(work: Work, server: SimulatedBedrock) -> None:
            self._parts = work, server

        return begun

    def line(self) -> str:
        """How it stands; empty before the first algorithm."""
        if not self._name:
            return ""
        which = f"{self._names.index(self._name) + 1} of {len(self._names)}"
        return f"simulating {self._name} ({which})  {percent(self._fraction())}"

    def _fraction(self) -> float:
        if self._parts is None:
            return 0.0
        work, server = self._parts
        if self._simulation.duration is not None:
            return min(1.0, server.now / self._simulation.duration)
        return server.answered / work.count if work.count else 0.0

    def _say(self, messages: Sequence[Message]) -> None:
        for message in messages:
            put(self._stream, message.block())


class SimulatingPlainly(Simulating):
    """A line every PERIOD seconds."""

    def _draw(self) -> None:
        if not self._closing.is_set():
            put(self._stream, f"{self.line()}\n")


class SimulatingLive(Simulating):
    """One line on a terminal, gone at the end."""

    period, first = TICK, PATIENCE

    def _screen(self) -> AbstractContextManager[object]:
        console = Console(file=self._stream, force_terminal=True, force_interactive=True, highlight=False)
        self._live = Live(console=console, auto_refresh=False, transient=True)
        return self._live

    def _draw(self) -> None:
        self._live.update(Text(self.line()), refresh=True)


def simulating(names: Sequence[str], simulation: Simulation, stream: TextIO) -> Simulating:
    """What shows the progress on a stream."""
    return (SimulatingLive if can_move_its_cursor(stream) else SimulatingPlainly)(names, simulation, stream)
