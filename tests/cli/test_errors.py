"""From exceptions to message, hint and exit code."""

import errno
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.errors import ExitCode, UserError, expected, worst
from jobs.errors import (
    ConfigurationError,
    CredentialsError,
    JobError,
    JournalError,
    LockedError,
    ProcessError,
    StorageError,
)

ORDER = [130, 13, 1, 12, 14, 11, 2, 5, 4, 3, 0]


def test_of_two_codes_the_earlier_of_the_documented_order_wins():
    for worse, better in pairwise(ORDER):
        assert worst([better, worse]) == worst([worse, better]) == worse


@given(st.lists(st.sampled_from(ORDER), min_size=1))
def test_the_worst_of_many_is_the_first_of_the_documented_order(codes):
    assert worst(codes) == min(codes, key=ORDER.index)


def test_the_worst_of_none_is_success():
    assert worst([]) == ExitCode.OK


def test_every_code_is_in_the_order():
    assert {*ExitCode} == {*ORDER[1:]}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UserError("x", "hint", exit_code=5), 5),
        (CredentialsError("x", "hint"), 12),
        (ConfigurationError("x", "hint"), 2),
        (LockedError("x", "hint"), 11),
        (JournalError("x", "hint"), 13),
        (StorageError("x", "hint"), 13),
        (ProcessError("x", "hint"), 13),
        (ExceptionGroup("of a stage", [StorageError("x", "hint")]), 13),
    ],
)
def test_an_expected_error_keeps_its_message_and_hint_and_has_an_exit_code(error, code):
    known = expected(error)
    assert known is not None
    assert (known.message, known.hint, known.exit_code) == ("x", "hint", code)


def test_every_kind_of_expected_error_has_an_exit_code():
    for kind in JobError.__subclasses__():
        assert expected(kind("x")) is not None


@pytest.mark.parametrize(
    ("error", "message", "hint"),
    [
        (OSError(errno.EMFILE, "Too many open files"), "Too many open files", "ulimit -n"),
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device", "free some space"),
        (PermissionError(errno.EACCES, "Permission denied", "/a/b"), "Permission denied: /a/b", "permissions"),
        (OSError(errno.EIO, "Input/output error", "/a/b"), "Input/output error: /a/b", "run again"),
    ],
)
def test_an_error_of_the_system_says_what_failed_and_what_to_do(error, message, hint):
    known = expected(error)
    assert known is not None
    assert (known.message, known.exit_code) == (f"the operating system reports: {message}", 13)
    assert hint in known.hint


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("can't start new thread")])
def test_too_little_memory_is_no_bug(error):
    known = expected(error)
    assert known is not None
    assert known.exit_code == 13


@pytest.mark.parametrize("error", [ValueError("x"), ExceptionGroup("both", [StorageError("x"), ValueError("x")])])
def test_a_bug_is_not_expected(error):
    assert expected(error) is None
