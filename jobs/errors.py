"""The failures that `jobs` expects: what happened, and what the user can do about it. Anything else is a bug."""

import errno


class JobError(Exception):
    """Ends a run with a message and, where something helps, a hint. Both may hold foreign text (paths, replies)."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigurationError(JobError):
    """A setting of where or how to call is missing or wrong."""


class CredentialsError(JobError):
    pass


class LockedError(JobError):
    """Another run holds the output directory."""


class StorageError(JobError):
    """A file or database cannot be read or written. Of the journal: nothing since the last commit is in it."""


class JournalError(StorageError):
    """The journal is not a file that this version can use, or another process writes to it."""


class ProcessError(JobError):
    """A child process (the parser, the emulator) cannot be started."""


def storage_error(subject: str, error: Exception) -> StorageError:
    """`subject` (a path, or `the journal`) cannot be used, for the reason in an OSError or sqlite3.Error."""
    reason, hint = describe(error)
    return StorageError(f"{subject} cannot be used: {reason}", hint)


def describe(error: Exception) -> tuple[str, str]:
    """Reason and hint of an OSError or sqlite3.Error: the system's words with the file it names, and what to do."""
    if not isinstance(error, OSError):
        # An extended code (SQLITE_IOERR_FSYNC) has the hint of its primary code.
        code = "_".join(getattr(error, "sqlite_errorname", "").split("_")[:2])
        return str(error), _SQLITE_HINTS.get(code, _HINT)
    reason = error.strerror or str(error) or type(error).__name__
    if error.filename is not None:
        reason += f": {error.filename}"
    return reason, _HINTS.get(error.errno or 0, _HINT)


FREE_MEMORY = "free some memory or end some processes, then run again"
"""The hint where a child process ended before it was ready."""

_HINT = "fix the cause and run again"
_PERMISSION = "check the owner and the permissions, or choose another place"
_SPACE = "free some space and run again: the run continues where it stopped"
_OPEN_FILES = "raise the limit of open files (`ulimit -n 4096`), or lower --concurrency"
_DISK = "check the disk (`dmesg` shows its errors), then run again"
_DAMAGED = "`bedrock-batch verify DIR` shows what is damaged; restore the file from a backup"
_HINTS = {
    errno.EIO: _DISK,
    errno.EACCES: _PERMISSION,
    errno.EPERM: _PERMISSION,
    errno.EROFS: _PERMISSION,
    errno.ENOSPC: _SPACE,
    errno.EDQUOT: _SPACE,
    errno.EMFILE: _OPEN_FILES,
    errno.ENFILE: _OPEN_FILES,
    errno.ENOMEM: "free some memory and run again: the run continues where it stopped",
    errno.EAGAIN: "end some processes (`ulimit -u` is their limit) and run again",
}
_SQLITE_HINTS = {
    "SQLITE_FULL": _SPACE,
    "SQLITE_READONLY": _PERMISSION,
    "SQLITE_CANTOPEN": f"{_PERMISSION}; {_OPEN_FILES}",
    "SQLITE_IOERR": _DISK,
    "SQLITE_CORRUPT": _DAMAGED,
    "SQLITE_NOTADB": _DAMAGED,
    "SQLITE_BUSY": "close the other program that uses it, then run again",
}
