"""Writing to a stream that may be closed, broken or of a small character set, without ever failing for it."""

import contextlib
import os
from typing import TextIO


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


def forsake(stream: TextIO) -> None:
    """Let a broken stream lead nowhere, so that it fails nobody else who writes to it."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, stream.fileno())
        finally:
            os.close(nowhere)
