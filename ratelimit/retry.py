"""When a failed call is tried again (pure; randomness is an argument, uniform in [0, 1))."""

from ratelimit.algorithms.token_bucket import TokenBucket

BASE = 0.5
"""Seconds; the mean of the first backoff is half of it."""
CAP = 20.0
"""Seconds; the longest backoff (botocore's standard mode has the same cap)."""
LONGEST_RETRY_AFTER = 300.0
"""Seconds; a server that asks for more is asked again after this long all the same."""
OF_CALLS, A_SECOND, SAVED = 0.2, 10.0, 100.0
"""Retries for each call, retries a second besides, and the most that are saved up (10 s worth): Finagle's defaults."""


def backoff(failures: int, uniform: float) -> float:
    """Seconds before the next attempt after `failures` failures: full jitter.

    Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """
    return uniform * min(CAP, BASE * 2.0 ** min(failures - 1, 30))


def clamp(retry_after: float) -> float:
    """A server's Retry-After within reason: 0 to LONGEST_RETRY_AFTER seconds."""
    return min(max(retry_after, 0.0), LONGEST_RETRY_AFTER)


class RetryBudget:
    """Keeps retries from multiplying the load on a service that fails: a share of the calls, and a few a second.

    Source: Finagle's RetryBudget. There a retry over budget is given up; in a batch nothing is lost, so it waits for
    its turn. Weakness: where most calls fail, those that would succeed wait as well.
    """

    def __init__(self) -> None:
        self._bucket = TokenBucket(A_SECOND, SAVED)

    def called(self, now: float) -> None:
        """A unit is called for the first time."""
        self._bucket.correct(now, now, -OF_CALLS)

    def delay(self, now: float) -> float:
        """Charge a retry: seconds until the budget has room for it (0.0 at once), after all those charged before."""
        self._bucket.take(now, 1.0)
        return self._bucket.wait(now, 0.0)
