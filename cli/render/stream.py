"""Writing to a stream that may be closed, broken or of a small character set."""

import contextlib
import os
import sys
from typing import TextIO

from cli.errors import ExitCode, UserError


def put(stream: TextIO | None, text: str) -> None:
    """Write text at once. A stream that nobody reads any more leads nowhere from then on."""
    if stream is None:  # sys.stderr of a program that was started with it closed
        return
    encoding = stream.encoding or "utf-8"
    try:
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()
    except (OSError, ValueError):
        forsake(stream)


def stdout_lost(error: OSError) -> UserError:
    """The error that ends the program when standard output cannot be written; its buffer then fails only once."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return UserError(f"cannot write to standard output: {error.strerror}", exit_code=ExitCode.STORAGE)


def forsake(stream: TextIO) -> None:
    """Let a broken stream lead nowhere, so that it fails nobody else who writes to it."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, stream.fileno())
        finally:
            os.close(nowhere)
