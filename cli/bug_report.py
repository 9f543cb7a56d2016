"""An error in the program itself: its traceback goes to a log file, its place and the file's path to the user.

The message of the exception is printed only on request, since it may hold document text. Local variables, which may
hold secrets, are never written.
"""

import os
import platform
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path

from cli.config.directories import default_state_dir
from cli.errors import DEBUG, PROGRAM, ExitCode, UserError


def report(error: Exception, *, command: str) -> UserError:
    """Write the log file, and print the traceback if asked to; returns the error that ends the program."""
    if os.environ.get(DEBUG):
        traceback.print_exception(error)
    message = f"this is a bug: {place(error)}"
    try:
        path = _write_log(error, command)
    except OSError:
        hint = f"please report it; {DEBUG}=1 prints the traceback"
    else:
        hint = f"please report it with the traceback in {path}"
    return UserError(message, hint, ExitCode.BUG)


def place(error: Exception) -> str:
    """`TYPE in FILE, line N`; of an error group, the place of its first error."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {Path(frame.filename).name}, line {frame.lineno}"


def _write_log(error: Exception, command: str) -> Path:
    from importlib.metadata import version

    directory = default_state_dir()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / "bug.log"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    with open(os.open(path, flags, 0o600), "w", encoding="utf-8") as log:  # noqa: PTH123
        os.fchmod(log.fileno(), 0o600)
        log.write(f"{PROGRAM} {version(PROGRAM)} {command}, {datetime.now(UTC).isoformat(timespec='seconds')}\n")
        log.write(f"Python {sys.version}, {platform.platform()}\n\n")
        traceback.print_exception(error, file=log)
    return path
