"""The exit code of a run that was not ended by an error."""

import pytest

from cli.runs.batch import exit_code
from jobs.pipeline.stopping import Cause, Stop
from jobs.results.summary import Summary


def summary(**counts: int) -> Summary:
    return Summary("", "", "", "", **counts)


@pytest.mark.parametrize(
    ("counts", "code"),
    [
        ({"ok": 3}, 0),
        ({"unreadable": 1}, 3),
        *(({status: 1}, 4) for status in ("failed", "incomplete", "held", "fallback", "pending", "not_refreshed")),
        ({"unreadable": 1, "failed": 1}, 4),
    ],
)
def test_sections_and_documents(counts, code):
    assert exit_code(summary(**counts), None, []) == code


@pytest.mark.parametrize(
    ("cause", "code"),
    [
        (Cause.BUDGET, 5),
        (Cause.DEADLINE, 5),
        (Cause.FAILURES, 4),
        (Cause.ACCESS, 12),
        (Cause.UNAVAILABLE, 14),
    ],
)
def test_the_cause_of_a_stop_precedes_pending_sections_and_a_signal_precedes_the_cause(cause, code):
    assert exit_code(summary(pending=1), Stop(cause, "x"), []) == code
    assert exit_code(summary(pending=1), Stop(cause, "x"), [130]) == 130
