"""Opens a listed file, which may have changed since."""

import errno
import os
import stat

from jobs.documents.document import UnreadableError
from jobs.documents.listing import too_large

_REASONS = {
    errno.ENOENT: "it disappeared after it was listed; run again",
    errno.ENOTDIR: "it disappeared after it was listed; run again",
    errno.ELOOP: "it became a symbolic link after it was listed; run again",
    errno.EACCES: "permission denied; make it readable, or exclude it",
    errno.EPERM: "permission denied; make it readable, or exclude it",
}


def load(path: str, *, max_file_size: int, follow_symlinks: bool) -> bytes:
    """The bytes of a regular file.

    Raises:
        UnreadableError: it is gone, no longer a regular file, larger than `max_file_size`, or reading fails.
    """
    # Non-blocking: opening a named pipe would wait for a writer.
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC | (0 if follow_symlinks else os.O_NOFOLLOW)
    try:
        with open(os.open(path, flags), "rb") as file:  # noqa: PTH123 (Path.open takes no flags)
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise UnreadableError("it is no longer a regular file; run again")
            data = file.read(max_file_size + 1) if status.st_size <= max_file_size else b""
    except OSError as error:
        reason = f"{error.strerror}; check the disk, or exclude it"
        raise UnreadableError(_REASONS.get(error.errno or 0, reason)) from error
    if max(len(data), status.st_size) > max_file_size:
        raise UnreadableError(too_large(max(len(data), status.st_size), max_file_size))
    return data
