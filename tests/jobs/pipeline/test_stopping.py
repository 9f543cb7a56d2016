"""The status of a unit after an outcome, and when a run stops."""

import pytest
from answers import answer

from jobs.pipeline.stopping import (
    MAX_INVALID,
    MAX_ISOLATED,
    MAX_REJECTED,
    MAX_REJECTED_IN_A_ROW,
    Cause,
    MaxFailures,
    Policy,
    Stop,
    Stopper,
)
from jobs.record.protocol import Status
from jobs.requests.reply import DAILY_QUOTA, Reply
from ratelimit.outcome import Outcome

OK = Reply(Outcome.OK, 1.0, answer())
FATAL = Reply(Outcome.FATAL, 0.1, code="AccessDeniedException", message="no access")
INVALID = Reply(Outcome.INVALID, 0.1, code="ValidationException", message="temperature")


@pytest.mark.parametrize(
    ("outcome", "attempts", "status", "permanent"),
    [
        (Outcome.OK, 1, Status.OK, False),
        (Outcome.INCOMPLETE, 1, Status.INCOMPLETE, False),
        (Outcome.THROTTLED, 99, Status.NEW, False),
        (Outcome.CANCELLED, 99, Status.NEW, False),
        (Outcome.TRANSIENT, 7, Status.NEW, False),
        (Outcome.TRANSIENT, 8, Status.FAILED, False),
        (Outcome.UNKNOWN, 7, Status.NEW, False),
        (Outcome.UNKNOWN, 8, Status.FAILED, False),
        (Outcome.INVALID, 1, Status.FAILED, True),
        (Outcome.FATAL, 1, Status.FAILED, False),
    ],
)
def test_the_status_of_a_unit_follows_from_the_outcome(outcome, attempts, status, permanent):
    assert Policy().status(outcome, attempts) == (status, permanent)


def test_on_unknown_hold_holds_a_unit():
    assert Policy(hold_unknown=True).status(Outcome.UNKNOWN, 1) == (Status.HELD, False)


def after(stopper: Stopper, *replies: Reply) -> Stop | None:
    stop = None
    for reply in replies:
        stop = stopper.after(reply, Policy().status(reply.outcome, 1)[0])
    return stop


def test_a_few_rejected_calls_stop_the_run():
    assert after(Stopper(Policy()), *[FATAL] * (MAX_REJECTED - 1)) is None
    stop = after(Stopper(Policy()), *[FATAL] * MAX_REJECTED)
    assert stop is not None
    assert stop.cause is Cause.ACCESS
    assert "AccessDeniedException: no access" in stop.reason
    assert "access to the model" in stop.hint


def test_an_answer_resets_the_count_of_rejected_calls():
    assert after(Stopper(Policy()), FATAL, FATAL, OK, *[FATAL] * (MAX_REJECTED_IN_A_ROW - 1)) is None
    assert after(Stopper(Policy()), OK, *[FATAL] * MAX_REJECTED_IN_A_ROW) is not None


def test_a_used_up_daily_quota_stops_the_run_at_once():
    day = Reply(Outcome.FATAL, 0.1, code=DAILY_QUOTA, message="Too many tokens per day")
    stop = after(Stopper(Policy()), OK, day)
    assert stop is not None
    assert stop.cause is Cause.UNAVAILABLE
    assert "daily token quota" in stop.reason
    assert "run again" in stop.hint


def test_ten_invalid_calls_without_an_answer_stop_the_run():
    stop = after(Stopper(Policy()), *[INVALID] * MAX_INVALID)
    assert stop is not None
    assert "temperature" in stop.reason
    assert after(Stopper(Policy()), OK, *[INVALID] * 50) is None


def test_ten_calls_that_failed_for_their_input_alone_stop_the_run_unless_one_was_answered():
    failed = Reply(Outcome.UNKNOWN, 1.0, code="ModelErrorException", message="it failed", isolated=True)
    stopper = Stopper(Policy())
    assert [stopper.after_isolated(failed) for _ in range(MAX_ISOLATED - 1)] == [None] * (MAX_ISOLATED - 1)
    stop = stopper.after_isolated(failed)
    assert stop is not None
    assert (stop.cause, stop.reason) == (Cause.FAILURES, "the first 10 calls failed: ModelErrorException: it failed")
    stopper = Stopper(Policy())
    stopper.after(OK, Status.OK)
    assert {stopper.after_isolated(failed) for _ in range(99)} == {None}


def test_max_failures_is_a_count_or_a_fraction():
    counted = Stopper(Policy(max_failures=MaxFailures(count=3)))
    assert after(counted, OK, INVALID, INVALID) is None
    stop = after(counted, INVALID)
    assert stop is not None
    assert stop.cause is Cause.FAILURES
    fraction = Stopper(Policy(max_failures=MaxFailures(fraction=0.1)))
    assert after(fraction, OK, INVALID) is None
    assert after(fraction, *[OK] * 17) is None
    assert after(fraction, INVALID) is not None


def test_the_first_reason_to_stop_counts():
    stopper = Stopper(Policy())
    assert stopper.stop(Stop(Cause.SIGNAL, "SIGTERM"))
    assert not stopper.stop(Stop(Cause.BUDGET, "budget"))
    assert stopper.stopped == Stop(Cause.SIGNAL, "SIGTERM")


def test_all_rejected_holds_until_the_first_answer():
    stopper = Stopper(Policy())
    after(stopper, INVALID)
    assert stopper.all_rejected
    after(stopper, OK)
    assert not stopper.all_rejected
