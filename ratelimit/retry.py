"""When a failed call is tried again (pure; randomness is an argument, uniform in [0, 1))."""

BASE = 0.5
"""Seconds; the mean of the first backoff is half of it."""
CAP = 20.0
"""Seconds; the longest backoff (botocore's standard mode has the same cap)."""
LONGEST_RETRY_AFTER = 300.0
"""Seconds; a server that asks for more is asked again after this long all the same."""
THROTTLE_BASE = 0.25
"""Seconds; the shortest pause after a throttle that did not say how long."""


def backoff(failures: int, uniform: float) -> float:
    """Seconds before the next attempt after `failures` (>= 1) failures: full jitter.

    Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """
    return uniform * min(CAP, BASE * 2.0 ** min(failures - 1, 30))


def throttle_pause(refusals: int, retry_after: float | None, uniform: float) -> float:
    """Seconds for which no call starts after `refusals` (>= 1) bursts of throttles; an answer takes half of them away.

    A server's Retry-After counts, clamped; without one the pause doubles, with equal jitter (half of it is certain).
    """
    if retry_after is not None:
        return clamp(retry_after)
    pause = min(CAP, THROTTLE_BASE * 2.0 ** min(refusals - 1, 30))
    return pause * (0.5 + 0.5 * uniform)


def clamp(retry_after: float) -> float:
    """A server's Retry-After within reason: 0 to LONGEST_RETRY_AFTER seconds."""
    return min(max(retry_after, 0.0), LONGEST_RETRY_AFTER)
