"""Exit codes, the error that ends the program, and the one mapping from exceptions to both.

Imported before anything is on the screen, so it imports nothing that takes time.
"""

import signal
from collections.abc import Iterable
from enum import IntEnum
from typing import ClassVar, Final

from jobs.errors import (
    ConfigurationError,
    CredentialsError,
    JobError,
    LockedError,
    ProcessError,
    StorageError,
    describe,
)

PROGRAM: Final = "bedrock-batch"
DEBUG: Final = "BEDROCK_BATCH_DEBUG"
"""Environment variable; set to anything, a bug also prints its traceback."""


class ExitCode(IntEnum):
    """Every exit code but 128+N (ended by signal N). Scripts rely on them."""

    OK = 0
    """All done."""
    BUG = 1
    """An error in the program itself."""
    USAGE = 2
    """A wrong option, setting or settings file; no call was sent."""
    UNREADABLE = 3
    """Some inputs could not be read; the others are done."""
    UNITS = 4
    """Some units failed, are held or incomplete, or were answered by the fallback."""
    LIMIT = 5
    """The budget or the deadline was reached."""
    LOCKED = 11
    """Another run holds the output directory."""
    ACCESS = 12
    """No credentials, or no access to the model."""
    STORAGE = 13
    """The output, the journal or the cache cannot be used, or a child process cannot be started."""
    UNAVAILABLE = 14
    """An outage of the service, or its daily quota is used up."""


SIGNAL = 128
"""Added to a signal's number."""
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Signals that end the program in an orderly way."""

_WORST_FIRST = (
    ExitCode.STORAGE,
    ExitCode.BUG,
    ExitCode.ACCESS,
    ExitCode.UNAVAILABLE,
    ExitCode.LOCKED,
    ExitCode.USAGE,
    ExitCode.LIMIT,
    ExitCode.UNITS,
    ExitCode.UNREADABLE,
    ExitCode.OK,
)


def worst(codes: Iterable[int]) -> int:
    """The most severe of several exit codes: a signal first, then by `_WORST_FIRST`; 0 if there are none."""
    return min(codes, key=_rank, default=ExitCode.OK)


def _rank(code: int) -> int:
    return -1 if code > SIGNAL else _WORST_FIRST.index(ExitCode(code))


class UserError(Exception):
    """Ends the program: what happened to which input, and what to do.

    Both texts may hold foreign text (paths, replies); it is made safe where it is printed.
    """

    def __init__(self, message: str, hint: str = "", exit_code: int = ExitCode.USAGE) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.exit_code = exit_code


class SignalReceived(SystemExit):
    """A signal, where no run handles it; the code is 128 + its number."""

    last: "ClassVar[SignalReceived | None]" = None
    """The last one, also where the interpreter dropped it: an exception in a callback of an import is lost."""

    def __init__(self, number: int) -> None:
        super().__init__(SIGNAL + number)
        self.number = number

    def as_error(self) -> UserError:
        return UserError(f"{signal.Signals(self.number).name} received", exit_code=SIGNAL + self.number)


FREE_ADDRESS_SPACE: Final = "raise the limit (`ulimit -v unlimited`), or free some memory, then run again"

_EXIT_CODES = {
    ConfigurationError: ExitCode.USAGE,
    CredentialsError: ExitCode.ACCESS,
    LockedError: ExitCode.LOCKED,
    StorageError: ExitCode.STORAGE,
    ProcessError: ExitCode.STORAGE,
}


def expected(error: BaseException) -> UserError | None:
    """An exception as the error that ends the program; None if it is a bug."""
    match error:
        case UserError():
            return error
        case SignalReceived():
            return error.as_error()
        case BaseExceptionGroup():
            parts = [expected(part) for part in error.exceptions]
            return None if None in parts else parts[0]
        case JobError():
            code = next(code for kind, code in _EXIT_CODES.items() if isinstance(error, kind))
            return UserError(error.message, error.hint, code)
        case OSError():
            reason, hint = describe(error)
            return UserError(f"the operating system reports: {reason}", hint, ExitCode.STORAGE)
        case MemoryError() | RuntimeError(args=("can't start new thread",)):
            return UserError("there is not enough memory", FREE_ADDRESS_SPACE, ExitCode.STORAGE)
    return None
