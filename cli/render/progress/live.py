"""The live display: a few lines on a terminal, redrawn in place four times a second and erased at the end."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.text import Text

from cli.render.log import Message
from cli.render.progress.frame import frame
from cli.render.progress.plain import has_begun
from cli.render.progress.render_thread import TICK, DrawingThread
from jobs.progress.snapshot import Snapshot

HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
ERASE_LINE, UP = "\x1b[2K", "\x1b[1A"
"""Erased row by row: tmux copies a screen that is erased as a whole into its history."""


class LiveDisplay(DrawingThread):
    """Draws what `snapshot` (called from the display's thread) returns on the terminal `stream`; messages go above it.

    The size of the terminal is read for every frame. A frame leaves the last column free and ends without a newline,
    so the cursor is always on its last row.
    """

    def __init__(self, snapshot: Callable[[], Snapshot], stream: TextIO, *, no_color: bool = False) -> None:
        super().__init__(stream, TICK)
        self._snapshot = snapshot
        # Forced, since FORCE_COLOR, TTY_INTERACTIVE and the like would decide otherwise.
        self._console = Console(
            file=stream,
            force_terminal=True,
            force_interactive=True,
            no_color=no_color or None,
            highlight=False,
            markup=False,
            emoji=False,
        )
        self._frame = ""
        """The last frame, with its colours; empty if nothing is drawn."""
        self._cells: list[int] = []
        """The width of each of its lines."""

    @contextmanager
    def _screen(self) -> Iterator[None]:
        self._write(HIDE_CURSOR)
        try:
            yield
        finally:
            self._write(SHOW_CURSOR)

    def _draw(self) -> None:
        if self._closing.is_set():
            self._write(self._erase())
            self._frame, self._cells = "", []
            return
        shot = self._snapshot()
        if not has_begun(shot):
            return
        width, height = self._console.size
        ascii_only = self._console.options.ascii_only
        lines = frame(shot, max(1, width - 1), ascii_only=ascii_only)[: max(1, height - 1)]
        erase = self._erase()
        self._frame, self._cells = self._rendered(lines), [line.cell_len for line in lines]
        self._write(erase + self._frame)

    def _say(self, messages: Sequence[Message]) -> None:
        lines = [
            Text(line, style="bold red" if message.event == "error" and not index else "")
            for message in messages
            for index, line in enumerate(message.lines())
        ]
        self._write(f"{self._erase()}{self._rendered(lines)}\n{self._frame}")

    def _erase(self) -> str:
        """Erase the last frame, from its first row on.

        A terminal that got narrower has folded lines that no longer fit, so the frame takes more rows than lines. A
        few terminals cut them off instead; there, as many rows above the display are lost.
        """
        if not self._frame:
            return ""
        rows = sum(max(1, -(-cells // self._console.width)) for cells in self._cells)
        return f"\r{ERASE_LINE}" + f"{UP}{ERASE_LINE}" * (rows - 1)

    def _rendered(self, lines: Sequence[Text]) -> str:
        with self._console.capture() as captured:
            self._console.print(*lines, sep="\n", end="")
        return captured.get()

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
