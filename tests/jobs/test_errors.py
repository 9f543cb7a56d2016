"""Expected failures: reason and hint of errors of the system."""

import errno
import sqlite3

import pytest

from jobs.errors import StorageError, describe, storage_error


@pytest.mark.parametrize(
    ("error", "reason", "hint"),
    [
        (OSError(errno.EMFILE, "Too many open files"), "Too many open files", "`ulimit -n 4096`"),
        (OSError(errno.ENFILE, "Too many open files in system"), "Too many open files in system", "`ulimit -n 4096`"),
        (OSError(errno.ENOSPC, "No space left on device", "/a"), "No space left on device: /a", "free some space"),
        (PermissionError(errno.EACCES, "Permission denied", "/a"), "Permission denied: /a", "permissions"),
        (OSError(errno.EIO, "Input/output error"), "Input/output error", "check the disk"),
        (OSError("no number"), "no number", "run again"),
        (OSError(), "OSError", "run again"),
        (sqlite3.OperationalError("database or disk is full"), "database or disk is full", "run again"),
    ],
)
def test_an_error_is_described_by_its_reason_its_file_and_a_hint(error, reason, hint):
    assert describe(error)[0] == reason
    assert hint in describe(error)[1]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("SQLITE_FULL", "free some space"),
        ("SQLITE_READONLY", "permissions"),
        ("SQLITE_CANTOPEN", "`ulimit -n 4096`"),
        ("SQLITE_READONLY_DBMOVED", "permissions"),
        ("SQLITE_BUSY", "close the other program"),
        ("SQLITE_BUSY_RECOVERY", "close the other program"),
        ("SQLITE_IOERR_FSYNC", "check the disk"),
        ("SQLITE_CORRUPT", "restore the file"),
        ("SQLITE_NOTADB", "restore the file"),
        ("SQLITE_ERROR", "fix the cause"),
    ],
)
def test_the_hint_for_an_error_of_sqlite_depends_on_its_code(name, hint):
    error = sqlite3.OperationalError("x")
    error.sqlite_errorname = name
    assert hint in describe(error)[1]


def test_a_storage_error_names_what_cannot_be_used():
    error = storage_error("the journal", OSError(errno.ENOSPC, "No space left on device"))
    assert isinstance(error, StorageError)
    assert error.message == str(error) == "the journal cannot be used: No space left on device"
    assert "free some space" in error.hint
