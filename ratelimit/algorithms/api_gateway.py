"""Throttling of Amazon API Gateway: a rate and a burst."""

import math

from ratelimit.algorithms.protocol import PASSED, Admission
from ratelimit.algorithms.token_bucket import TokenBucket


class ApiGateway:
    """A token bucket of `burst` requests that refills at `rate` a second; a request without a token gets a 429.

    Source: "Throttle requests to your REST APIs", API Gateway developer guide. Weakness: as any token bucket, a whole
    burst at once; and AWS calls it best effort: the real one is a target rather than a ceiling.
    """

    __slots__ = ("_bucket",)

    def __init__(self, rate: float, burst: float) -> None:
        """`rate` in requests a second."""
        self._bucket = TokenBucket(rate, burst)

    def arrive(self, now: float) -> Admission:
        """`retry_after` is when the next token is there; API Gateway itself sends none."""
        wait = self._bucket.wait(now)
        if wait > 0.0:
            return Admission(passed=False, retry_after=math.ceil(wait))
        self._bucket.take(now)
        return PASSED
