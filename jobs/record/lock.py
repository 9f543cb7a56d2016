"""One run at a time in an output directory."""

import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from jobs.errors import LockedError

POLL = 0.25
"""Seconds between two attempts while another run holds the lock."""


_HINT = "wait for it (--lock-wait 1h), or choose another --output"


@contextmanager
def output_lock(directory: Path, wait: float) -> Iterator[None]:
    """Hold the lock of an output directory; the kernel releases it when the process ends.

    `wait`: seconds to wait for another run. The lock file stays; its text is for people only.

    Raises:
        LockedError: another run holds the lock.
        OSError: the lock file cannot be opened.
    """
    path = directory / "journal.lock"
    lock = FileLock(path, timeout=wait, poll_interval=POLL, mode=0o600)
    try:
        lock.acquire()
    except Timeout:
        raise LockedError(f"another run holds {directory} ({_holder(path)})", _HINT) from None
    held = os.open(directory, os.O_RDONLY)
    try:
        _lock_directory(held, directory)
        path.write_text(f"process {os.getpid()} on {socket.gethostname()} since {time.strftime('%Y-%m-%d %H:%M:%S')}\n")
        yield
    finally:
        os.close(held)
        lock.release()


def _lock_directory(held: int, directory: Path) -> None:
    """Lock the directory too: a cleaner may have removed the lock file, and another run may hold a new one."""
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise LockedError(f"another run holds {directory} (its lock file was removed)", _HINT) from None


def _holder(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()[:200] or "unknown process"
    except OSError:
        return "unknown process"
