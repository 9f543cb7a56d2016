"""Writes files atomically and durably."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO


@contextmanager
def atomic_write(path: Path, mode: int = 0o666) -> Iterator[TextIO]:
    """A UTF-8 text file that replaces `path` when the block ends, and is dropped if the block raises.

    The temporary file has a fixed name, so a killed run leaves at most one; two writers need a lock. An existing file
    keeps its mode, a new one gets `mode` less the umask.

    Raises:
        OSError: it cannot be written; `path` is unchanged.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    try:
        with open(os.open(temporary, flags, mode), "w", encoding="utf-8", newline="\n") as file:  # noqa: PTH123
            with suppress(FileNotFoundError):
                os.fchmod(file.fileno(), stat.S_IMODE(path.stat().st_mode))
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()  # a full disk needs the space
        raise
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
