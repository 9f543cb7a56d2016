"""How a call ended."""

from collections.abc import Callable
from typing import NamedTuple

from jobs.requests.answer import Answer
from ratelimit.breaker import Judgement
from ratelimit.outcome import Outcome

DAILY_QUOTA = "DailyQuotaReached"
"""The code of a throttle for a day's quota: it ends the run, as no wait within the run helps."""


def nothing() -> None:
    pass


class Reply(NamedTuple):
    """How one attempt ended, classified."""

    outcome: Outcome
    latency: float
    """Seconds from the call to its end."""
    answer: Answer | None = None
    """Set exactly when the outcome is OK or INCOMPLETE."""
    code: str = ""
    """The service's error code (`ThrottlingException`, or a number as text), or ours (`ConnectError`...)."""
    message: str = ""
    """For people; foreign text, not yet safe to print."""
    retry_after: float | None = None
    """Seconds, unclamped; None without a valid Retry-After."""
    request_id: str = ""
    sent: bool = True
    """Whether any byte of the request may have been sent."""
    quota: str = ""
    """The quota that a throttled reply names: `requests`, `tokens`, or empty."""
    isolated: bool = False
    """The failure belongs to this call (its input, expired credentials) and says nothing about the service."""

    release: Callable[[], None] = nothing
    """To be called once the reply is recorded: few large answers are in memory at once."""

    @property
    def judgement(self) -> Judgement:
        """How the circuit breaker counts the call.

        Failures are what an outage looks like: 500, 503, connect and read errors, timeouts, a model that is not ready,
        a 200 without an answer. Throttled, invalid and cancelled calls are neutral.
        """
        if self.outcome in (Outcome.OK, Outcome.INCOMPLETE):
            return Judgement.SUCCESS
        if self.outcome in (Outcome.TRANSIENT, Outcome.UNKNOWN) and not self.isolated:
            return Judgement.FAILURE
        return Judgement.NEUTRAL
