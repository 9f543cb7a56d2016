"""What the program's exit status means; scripts rely on it."""

from collections.abc import Iterable
from enum import IntEnum


class ExitCode(IntEnum):
    """Every exit status but 128+N, which is an end by signal N."""

    OK = 0
    """All done."""
    BUG = 1
    """An error in the program itself."""
    USAGE = 2
    """A wrong option, setting or settings file; nothing was called."""
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
    """The output, the journal or the cache could not be written or read, or a process of ours not be started."""
    UNAVAILABLE = 14
    """The service could not be used: an outage, or the day's quota."""


SIGNAL = 128
"""What is added to a signal's number."""

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
    """The one to exit with, of several: a signal, then what says most about why not all was done; 0 of none."""
    return min(codes, key=_rank, default=ExitCode.OK)


def _rank(code: int) -> int:
    return -1 if code > SIGNAL else _WORST_FIRST.index(ExitCode(code))
