"""Writing to a stream that may be closed, broken or of a small character set."""

import contextlib
import os
import sys
from typing import TextIO

from cli.errors import PROGRAM, ExitCode, UserError
from cli.render.text import safe


def put(stream: TextIO | None, text: str) -> None:
    """Write and flush; once the reader is gone, the stream is redirected to nowhere."""
    if stream is None:  # stderr was closed when the program started
        return
    encoding = stream.encoding or "utf-8"
    try:
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()
    except (OSError, ValueError):
        silence(stream)


def print_error(error: UserError, *, as_json: bool = False) -> int:
    """Print the error that ends the program, as text or as a log line in JSON; returns its exit code."""
    with contextlib.suppress(OSError):
        if as_json:
            from cli.render import log

            print(log.as_json(log.error(error.message, error.hint)), end="", file=sys.stderr)
            return error.exit_code
        print(f"{PROGRAM}: error: {safe(error.message)}", file=sys.stderr)
        if error.hint:
            print(f"hint: {safe(error.hint)}", file=sys.stderr)
    return error.exit_code


def stdout_lost(error: OSError) -> UserError:
    """The error that ends the program when standard output cannot be written; its buffer then fails only once."""
    silence(sys.stdout)
    return UserError(f"cannot write to standard output: {error.strerror}", exit_code=ExitCode.STORAGE)


def silence(stream: TextIO) -> None:
    """Redirect a broken stream to nowhere, so that later writes to it do not fail."""
    with contextlib.suppress(OSError, ValueError):
        devnull = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(devnull, stream.fileno())
        finally:
            os.close(devnull)
