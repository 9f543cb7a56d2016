"""Files that are there whole or not at all."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO


@contextmanager
def atomic_write(path: Path, mode: int = 0o666) -> Iterator[TextIO]:
    """Write a UTF-8 text file that takes the place of `path` durably when the block ends, and not if it raises.

    The temporary file has one fixed name, so a killed run leaves no litter: whoever writes holds the lock of the
    directory. `mode` is that of a new file, less the umask; one that is there keeps its own.

    Raises:
        OSError: it could not be written; `path` is as it was.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    with open(os.open(temporary, flags, mode), "w", encoding="utf-8", newline="\n") as file:  # noqa: PTH123
        with suppress(FileNotFoundError):
            os.fchmod(file.fileno(), stat.S_IMODE(path.stat().st_mode))
        yield file
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
