"""When a run stops before its end, and what an outcome makes of a unit (pure)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from jobs.pipeline.transport import DAILY_QUOTA, Reply
from jobs.record.protocol import Status
from ratelimit.outcome import Outcome

FEW = 3
"""Calls refused as every other would be, before the run stops."""
MANY_IN_A_ROW = 10
"""Calls refused so, with no answer between, after there were answers: access was withdrawn in mid-run."""
FEW_INVALID = 10
"""Units found invalid with not one answer yet, before the run stops: it is the request that is wrong, not the text."""
FAILURES_AT_LEAST = 20
"""Units closed before a percentage of failures means anything."""


class Cause(StrEnum):
    """Why a run stopped."""

    SIGNAL = "signal"
    BUDGET = "budget"
    DEADLINE = "deadline"
    FAILURES = "failures"
    ACCESS = "access"
    UNAVAILABLE = "unavailable"
    BROKEN = "broken"
    """Documents can no longer be read; the error itself follows."""


@dataclass(frozen=True, slots=True)
class Stop:
    """A run's end before its time: the cause, and the reason in a person's words."""

    cause: Cause
    reason: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class MaxFailures:
    """Stop once this many units failed, or this fraction of those that are closed."""

    count: int | None = None
    fraction: float | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """The limits of a run."""

    max_attempts: int = 8
    call_timeout: float = 900.0
    """Seconds: the total deadline of one call."""
    grace: float = 60.0
    """Seconds that calls in flight have after the run was stopped."""
    hold_unknown: bool = False
    """A unit whose call may have been paid for is held, not called again."""
    on_outage: Literal["wait", "fail", "fallback"] = "wait"
    """While the service is out: calls wait, the run stops, or units get a local answer that is marked as such."""
    max_failures: MaxFailures | None = None
    sample: int | None = None
    """Enter only so many sections."""

    def status(self, outcome: Outcome, attempts: int) -> tuple[Status, bool]:
        """The status of a unit after an attempt, after so many `attempts` that count; whether a failure is permanent.

        NEW: it is called again, in this run or the next.
        """
        match outcome:
            case Outcome.OK:
                return Status.OK, False
            case Outcome.INCOMPLETE:
                return Status.INCOMPLETE, False
            case Outcome.INVALID:
                return Status.FAILED, True
            case Outcome.FATAL:
                return Status.FAILED, False
            case Outcome.UNKNOWN if self.hold_unknown:
                return Status.HELD, False
            case Outcome.UNKNOWN | Outcome.TRANSIENT if attempts >= self.max_attempts:
                return Status.FAILED, False
        return Status.NEW, False


class Stopper:
    """Counts what speaks for stopping."""

    def __init__(self, policy: Policy) -> None:
        self._max = policy.max_failures
        self._fatal = self._invalid = self._answered = self._failed = self._closed = 0
        self._last_fatal: Reply | None = None
        self.stopped: Stop | None = None

    @property
    def suspicious(self) -> bool:
        """Calls were refused as every other may be, and none was answered."""
        return not self._answered and bool(self._fatal or self._invalid)

    def stop(self, stop: Stop) -> bool:
        """Stop for this reason, unless another came first; returns whether it is the first."""
        if self.stopped is not None:
            return False
        self.stopped = stop
        return True

    def after(self, reply: Reply, status: Status) -> Stop | None:
        """A unit was closed with this reply: why the run should stop now, if it should."""
        self._closed += 1
        self._failed += status is Status.FAILED
        if reply.answer is not None:
            self._answered += 1
            self._fatal = 0
        if reply.outcome is Outcome.FATAL:
            self._fatal += 1
            self._last_fatal = reply
        self._invalid += reply.outcome is Outcome.INVALID
        if self._fatal >= (MANY_IN_A_ROW if self._answered else FEW) or reply.code == DAILY_QUOTA:
            return _refused(reply)
        if self._invalid >= FEW_INVALID and not self._answered:
            return Stop(Cause.FAILURES, f"the first {FEW_INVALID} calls were all refused as invalid: {reply.message}")
        if self._too_many():
            return Stop(Cause.FAILURES, f"{self._failed} of {self._closed} units failed (--max-failures)")
        return None

    def at_the_end(self) -> Stop | None:
        """All units are closed: whether they were too few for `after` to see that every call is refused."""
        return _refused(self._last_fatal) if self._last_fatal and not self._answered else None

    def _too_many(self) -> bool:
        if self._max is None or not self._failed:
            return False
        if self._max.count is not None:
            return self._failed >= self._max.count
        fraction = self._max.fraction or 0.0
        return self._closed >= FAILURES_AT_LEAST and self._failed >= fraction * self._closed


def _refused(reply: Reply) -> Stop:
    if reply.code == DAILY_QUOTA:
        return Stop(Cause.UNAVAILABLE, f"the day's token quota is used up: {reply.message}", "run again tomorrow")
    return Stop(Cause.ACCESS, f"calls are refused: {reply.code}: {reply.message}")
