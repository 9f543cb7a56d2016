"""Rows on standard output (--stream)."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class RowOutput:
    """Writes lines, in any thread. The first error is kept, and ends it."""

    def __init__(self) -> None:
        self.error: OSError | None = None
        self.lost: Callable[[], object] = lambda: None
        """Called once, when a line cannot be written."""

    def __call__(self, lines: str) -> None:
        if self.error is None:
            try:
                # Bytes that do not depend on the locale.
                sys.stdout.buffer.write(lines.encode())
                sys.stdout.buffer.flush()
            except OSError as error:
                self.error = error
                self.lost()
