"""Stops a run before its disk is full: answers of calls in flight must fit, and the results after them."""

import os
from pathlib import Path

from jobs.errors import StorageError

RESERVE = 8 << 20
"""Bytes that stay free: for the journal's own pages, its rollback journal and a spool file."""
PER_CALL = 8192
"""Bytes of an answer besides its text, with its rows and pages in the journal."""
PER_TOKEN = 8
"""Bytes of a token of text: four in most languages, more where JSON escapes it."""


def needed_space(calls: int, max_tokens: int) -> int:
    """Bytes that must be free before another call starts, with so many in flight."""
    return RESERVE + calls * (PER_CALL + PER_TOKEN * max_tokens)


def check_free_space(directory: Path, needed: int) -> None:
    """Check the file system of a directory.

    Raises:
        StorageError: less than `needed` bytes are free, or the directory is gone.
    """
    try:
        disk = os.statvfs(directory)
    except FileNotFoundError as error:
        raise StorageError(f"the output directory {directory} was deleted or renamed", "run again") from error
    except OSError:
        return  # what is wrong shows in the next write
    free = disk.f_bavail * disk.f_frsize
    if disk.f_blocks and free < needed:
        raise StorageError(
            f"the disk of {directory} is nearly full: {free / 1e6:,.1f} MB are free, {needed / 1e6:,.1f} MB are needed",
            "free some space and run again: the run continues where it stopped; a lower --concurrency needs less",
        )
