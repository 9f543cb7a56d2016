"""Writes a journal again that was deleted during a run: its open connection still reads all of it."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from jobs.record.journal import Journal
from jobs.record.output_lock import output_lock


@contextmanager
def restored(journal: Journal, path: Path) -> Iterator[bool]:
    """Yields whether the file was gone and is written again. A directory made again is locked until the end.

    Raises:
        OSError, sqlite3.Error: it cannot be written, or another run has begun there.
    """
    with ExitStack() as stack:
        if os.path.lexists(path):
            yield False
            return
        if not path.parent.exists():
            path.parent.mkdir()
            stack.enter_context(output_lock(path.parent, 0.0))
        os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))  # never over the journal of another run
        with closing(sqlite3.connect(path)) as copy:
            copy.execute("PRAGMA synchronous = EXTRA")
            journal.db.backup(copy)
        yield True
