"""From errors to what a person is told, and the exit code."""

import sqlite3

import pytest

from cli.errors import UserError
from cli.explanation import explained
from jobs.bedrock.credentials import CredentialsError
from jobs.bedrock.endpoint import ConfigurationError
from jobs.documents.parser_pool import ChildError
from jobs.record.group_commit import StorageError
from jobs.record.journal import JournalError
from jobs.record.lock import LockedError


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UserError("x", exit_code=5), 5),
        (CredentialsError("x", "hint"), 12),
        (ConfigurationError("x"), 2),
        (LockedError("x"), 11),
        (JournalError("x"), 13),
        (StorageError("x"), 13),
        (sqlite3.OperationalError("x"), 13),
        (OSError(28, "x"), 13),
        (ChildError("x"), 13),
        (ExceptionGroup("of a stage", [StorageError("x")]), 13),
    ],
)
def test_an_error_that_is_no_bug_has_its_code_and_its_words(error, code):
    known = explained(error)
    assert known is not None
    assert known.exit_code == code
    assert "x" in known.message


@pytest.mark.parametrize("error", [ValueError("x"), ExceptionGroup("both", [StorageError("x"), ValueError("x")])])
def test_a_bug_is_not_explained_away(error):
    assert explained(error) is None
