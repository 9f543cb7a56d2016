"""When a run stops early, and the status of a unit after an attempt (pure)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from jobs.record.protocol import Status
from jobs.requests.reply import DAILY_QUOTA, Reply
from ratelimit.outcome import Outcome

MAX_REJECTED = 3
"""Calls rejected for a reason that applies to every call (outcome FATAL), before the first answer."""
MAX_REJECTED_IN_A_ROW = 10
"""The same after the first answer, with no answer between: access was withdrawn during the run."""
MAX_INVALID = 10
"""Invalid units before the first answer: the request is wrong, not the text."""
MAX_ISOLATED = 10
"""Calls before the first answer that failed for their input alone (424): if all do, the input is not the reason.

Each may have been billed.
"""
MIN_CLOSED = 20
"""Closed units before --max-failures P% applies."""


class Cause(StrEnum):
    SIGNAL = "signal"
    BUDGET = "budget"
    DEADLINE = "deadline"
    FAILURES = "failures"
    ACCESS = "access"
    UNAVAILABLE = "unavailable"
    STORAGE = "storage"
    """The record takes no more, or the disk is nearly full."""
    OUTPUT = "output"
    """Rows can no longer be written to standard output."""
    READING = "reading"
    """Documents can no longer be read; the error follows."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a run stopped early; reason and hint are for people."""

    cause: Cause
    reason: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class MaxFailures:
    """Stop when this many units failed, or this fraction of the closed units."""

    count: int | None = None
    fraction: float | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """The limits of a run."""

    max_attempts: int = 8
    call_timeout: float = 900.0
    """Seconds: deadline of one call."""
    grace: float = 60.0
    """Seconds that calls in flight have to finish after a stop."""
    hold_unknown: bool = False
    """Hold units of unknown outcome instead of calling them again (--on-unknown hold)."""
    on_outage: Literal["wait", "fail", "fallback"] = "wait"
    """In an outage: wait, stop the run, or give units a marked local answer."""
    max_failures: MaxFailures | None = None

    def status(self, outcome: Outcome, attempts: int) -> tuple[Status, bool]:
        """The status of a unit after an attempt, and whether its failure is permanent.

        `attempts`: attempts of the unit that count against `max_attempts`, this one included. NEW: call it again.
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
    """Decides when a run stops; `stopped` holds the first reason."""

    def __init__(self, policy: Policy) -> None:
        self._max = policy.max_failures
        self._fatal = self._invalid = self._isolated = self._answered = self._failed = self._closed = 0
        self._last_fatal: Reply | None = None
        self.stopped: Stop | None = None

    @property
    def all_rejected(self) -> bool:
        """Whether calls were rejected, invalid or failed for their input, and none was answered."""
        return not self._answered and bool(self._fatal or self._invalid or self._isolated)

    def stop(self, stop: Stop) -> bool:
        """Stop for this reason; returns False if the run had stopped already."""
        if self.stopped is not None:
            return False
        self.stopped = stop
        return True

    def after_isolated(self, reply: Reply) -> Stop | None:
        """Count an attempt that failed for its input alone; returns a reason to stop, if there is one now."""
        self._isolated += 1
        if self._isolated < MAX_ISOLATED or self._answered:
            return None
        hint = "try another --model or a smaller --max-tokens; some of these calls may have been billed"
        return Stop(Cause.FAILURES, f"the first {MAX_ISOLATED} calls failed: {reply.code}: {reply.message}", hint)

    def after(self, reply: Reply, status: Status) -> Stop | None:
        """Count a closed unit; returns a reason to stop, if there is one now."""
        self._closed += 1
        self._failed += status is Status.FAILED
        if reply.answer is not None:
            self._answered += 1
            self._fatal = 0
        if reply.outcome is Outcome.FATAL:
            self._fatal += 1
            self._last_fatal = reply
        self._invalid += reply.outcome is Outcome.INVALID
        if self._fatal >= (MAX_REJECTED_IN_A_ROW if self._answered else MAX_REJECTED) or reply.code == DAILY_QUOTA:
            return _rejected(reply)
        if self._invalid >= MAX_INVALID and not self._answered:
            return Stop(Cause.FAILURES, f"the first {MAX_INVALID} calls were invalid: {reply.message}")
        if self._too_many():
            return Stop(Cause.FAILURES, f"{self._failed} of {self._closed} requests failed (--max-failures)")
        return None

    def at_the_end(self) -> Stop | None:
        """A reason to stop after the last unit: every call was rejected, but they were too few for `after` to tell."""
        return _rejected(self._last_fatal) if self._last_fatal and not self._answered else None

    def _too_many(self) -> bool:
        if self._max is None or not self._failed:
            return False
        if self._max.count is not None:
            return self._failed >= self._max.count
        fraction = self._max.fraction or 0.0
        return self._closed >= MIN_CLOSED and self._failed >= fraction * self._closed


def _rejected(reply: Reply) -> Stop:
    if reply.code == DAILY_QUOTA:
        return Stop(Cause.UNAVAILABLE, f"the daily token quota is used up: {reply.message}", "run again tomorrow")
    hint = "check the credentials (`aws sts get-caller-identity`) and the access to the model (bedrock:InvokeModel)"
    return Stop(Cause.ACCESS, f"the service rejects every call: {reply.code}: {reply.message}", hint)
