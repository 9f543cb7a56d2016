"""From an exception of a run to what a person is told, and the exit code: the errors that are no bugs."""

import sqlite3
from typing import NamedTuple

from cli.errors import UserError
from cli.exit_codes import ExitCode
from jobs.bedrock.credentials import CredentialsError
from jobs.bedrock.endpoint import ConfigurationError
from jobs.documents.parser_pool import ChildError
from jobs.emulator.child import EmulatorError
from jobs.record.group_commit import StorageError
from jobs.record.journal import JournalError
from jobs.record.lock import LockedError


class Explanation(NamedTuple):
    """What happened, what to do, and the exit code."""

    message: str
    hint: str
    exit_code: int


def explained(error: BaseException) -> Explanation | None:
    """The explanation of an error that is not a bug; None for a bug."""
    match error:
        case BaseExceptionGroup():
            found = [explained(part) for part in error.exceptions]
            return None if None in found else found[0]
        case UserError():
            return Explanation(error.message, error.hint, error.exit_code)
        case CredentialsError():
            return Explanation(str(error), error.hint, ExitCode.ACCESS)
        case ConfigurationError():
            return Explanation(str(error), error.hint, ExitCode.USAGE)
        case LockedError():
            hint = "wait for it (--lock-wait 1h), or choose another --output"
            return Explanation(str(error), hint, ExitCode.LOCKED)
        case JournalError():
            return Explanation(str(error), "", ExitCode.STORAGE)
        case ChildError() | EmulatorError():
            return Explanation(str(error), "free memory or processes, then run again", ExitCode.STORAGE)
        case StorageError() | sqlite3.Error() | OSError():
            hint = "free space or mend the disk, then run again: it goes on where it stopped"
            return Explanation(f"the output directory cannot be written: {error}", hint, ExitCode.STORAGE)
    return None
