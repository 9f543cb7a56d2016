"""Backoff, Retry-After and the retry budget (pure; randomness is an argument, uniform in [0, 1))."""

from ratelimit.algorithms.token_bucket import TokenBucket

BASE = 0.5
"""Seconds; the first backoff has a mean of half of it."""
CAP = 20.0
"""Seconds; the longest backoff, as in botocore's standard mode."""
MAX_RETRY_AFTER = 300.0
"""Seconds; a longer Retry-After is cut to this."""
RETRIES_PER_CALL, RETRIES_PER_SECOND, MAX_SAVED_RETRIES = 0.2, 10.0, 100.0
"""What the retry budget earns, and the most it saves up (10 s worth). The first two are Finagle's defaults."""


def backoff(failures: int, uniform: float) -> float:
    """Seconds before the next attempt after `failures` failures: exponential backoff with full jitter.

    Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """
    return uniform * min(CAP, BASE * 2.0 ** min(failures - 1, 30))


def clamp(retry_after: float) -> float:
    """A server's Retry-After, limited to 0 to MAX_RETRY_AFTER seconds."""
    return min(max(retry_after, 0.0), MAX_RETRY_AFTER)


class RetryBudget:
    """Limits retries to a share of the calls plus a few a second, so that they do not multiply the load in a failure.

    Source: Finagle's RetryBudget, which drops a retry over budget; here it waits. Weakness: where most calls fail,
    retries that would succeed wait as well.
    """

    def __init__(self) -> None:
        self._bucket = TokenBucket(RETRIES_PER_SECOND, MAX_SAVED_RETRIES)

    def called(self, now: float) -> None:
        """Count the first call of a unit."""
        self._bucket.correct(now, now, -RETRIES_PER_CALL)

    def delay(self, now: float) -> float:
        """Charge a retry: seconds until the budget allows it, after all retries charged before."""
        self._bucket.take(now, 1.0)
        return self._bucket.wait(now, 0.0)
