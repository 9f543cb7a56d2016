"""One run at a time in an output directory."""

import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jobs.errors import LockedError

POLL = 0.25
"""Seconds between two attempts while another run holds the lock."""

PATIENCE = 0.5
"""Seconds to wait in any case: `holder` takes the lock for an instant."""

_HINT = "wait for it (--lock-wait 1h), or choose another --output"


@contextmanager
def output_lock(directory: Path, wait: float) -> Iterator[None]:
    """Lock an output directory; the kernel releases the lock when the process ends.

    The lock is on the directory itself, as a cleaner may remove a lock file. `journal.lock` names the holder.
    `wait`: seconds to wait for another run.

    Raises:
        LockedError: another run holds the lock.
        OSError: the directory cannot be opened or written.
    """
    holder = directory / "journal.lock"
    handle = os.open(directory, os.O_RDONLY)
    try:
        deadline = time.monotonic() + max(wait, PATIENCE)
        while not _try_lock(handle):
            if time.monotonic() >= deadline:
                raise LockedError(f"another run holds {directory} ({_read(holder)})", _HINT)
            time.sleep(POLL)
        holder.touch(mode=0o600)
        holder.write_text(f"process {os.getpid()} on {socket.gethostname()} since {time.strftime('%F %T')}\n")
        yield
    finally:
        os.close(handle)


def holder(directory: Path) -> str | None:
    """The run that holds the lock of an output directory; None if there is none.

    Raises:
        OSError: the directory cannot be opened.
    """
    handle = os.open(directory, os.O_RDONLY)
    try:
        return None if _try_lock(handle) else _read(directory / "journal.lock")
    finally:
        os.close(handle)


def _try_lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(holder: Path) -> str:
    try:
        return holder.read_text(errors="replace").strip()[:200] or "unknown process"
    except OSError:
        return "unknown process"
