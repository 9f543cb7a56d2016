"""The live display: a few lines on a terminal, redrawn in place four times a second."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TextIO

from rich.console import Console, Group
from rich.control import Control
from rich.live import Live
from rich.segment import ControlType
from rich.text import Text

from cli.render.progress.frame import frame
from cli.render.progress.render_thread import TICK, DrawingThread, Message
from jobs.progress.snapshot import Snapshot


class LiveDisplay(DrawingThread):
    """Shows what `snapshot` (safe to call from any thread) tells, on the terminal `stream`; messages go above it.

    Leaves its last frame where it is. The size of the terminal is asked for at every frame.
    """

    def __init__(
        self, snapshot: Callable[[], Snapshot], stream: TextIO, *, no_color: bool = False, emulated: bool = False
    ) -> None:
        super().__init__(stream, TICK)
        self._snapshot = snapshot
        self._emulated = emulated
        # Forced, since FORCE_COLOR, TTY_INTERACTIVE and their like would decide otherwise.
        self._console = Console(
            file=stream,
            force_terminal=True,
            force_interactive=True,
            no_color=no_color or None,
            highlight=False,
            markup=False,
            emoji=False,
        )
        self._live = Live(
            console=self._console,
            auto_refresh=False,
            redirect_stdout=False,
            vertical_overflow="crop",
        )
        self._drawn: list[int] = []
        """Cells of each line of the last frame."""
        self._width = 0

    def _screen(self) -> AbstractContextManager[object]:
        return self._live

    def _draw(self) -> None:
        width, height = self._console.size
        ascii_only = self._console.options.ascii_only
        lines = frame(self._snapshot(), width, emulated=self._emulated, ascii_only=ascii_only)[: max(1, height - 1)]
        if width < self._width:
            self._climb(width)
        self._width, self._drawn = width, [line.cell_len for line in lines]
        self._live.update(Group(*lines), refresh=True)

    def _climb(self, width: int) -> None:
        """Erase what the last frame has more of lines since the terminal got narrower and folded them.

        Most terminals do so; one that cuts them off instead loses as many lines above the display.
        """
        folded = sum((cells - 1) // width for cells in self._drawn if cells)
        up = ((ControlType.ERASE_IN_LINE, 2), (ControlType.CURSOR_UP, 1)) * folded
        self._console.control(Control(ControlType.CARRIAGE_RETURN, *up))

    def _say(self, messages: Sequence[Message]) -> None:
        lines = [
            Text(line, style="bold red" if message.error and not index else "")
            for message in messages
            for index, line in enumerate(message.lines())
        ]
        self._console.print(*lines, sep="\n")
