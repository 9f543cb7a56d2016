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
from cli.render.progress.render_thread import TICK, DrawingThread
from cli.render.stream import put
from jobs.simulation.experiment import Experiment
from jobs.simulation.server import SimulatedBedrock
from jobs.simulation.workload import Workload

LIVE_DELAY = 0.5
"""Seconds before the live line appears: short simulations show none."""


class SimulateDisplay(DrawingThread):
    """Shows which algorithm is running and how far it is."""

    def __init__(self, names: Sequence[str], experiment: Experiment, stream: TextIO) -> None:
        self._live: Live | None = None
        if can_move_its_cursor(stream):
            super().__init__(stream, TICK, first=LIVE_DELAY)
            console = Console(file=stream, force_terminal=True, force_interactive=True, highlight=False)
            self._live = Live(console=console, auto_refresh=False, transient=True)
        else:
            super().__init__(stream, PERIOD, first=PERIOD)
        self._names, self._experiment = names, experiment
        self._running: tuple[str, Workload, SimulatedBedrock] | None = None

    def on_start(self, name: str, workload: Workload, server: SimulatedBedrock) -> None:
        """An algorithm starts; called from the thread that simulates."""
        self._running = name, workload, server

    def _line(self) -> str:
        if self._running is None:
            return ""
        name, workload, server = self._running
        duration = self._experiment.duration
        if duration is not None:
            fraction = min(1.0, server.now / duration)
        else:
            fraction = server.answered / workload.count if workload.count else 0.0
        return f"simulating {name} ({self._names.index(name) + 1} of {len(self._names)})  {percent(fraction)}"

    def _screen(self) -> AbstractContextManager[object]:
        return self._live or super()._screen()

    def _draw(self) -> None:
        if self._live:
            self._live.update(Text(self._line()), refresh=True)
        elif not self._closing.is_set():
            put(self._stream, f"{self._line()}\n")
