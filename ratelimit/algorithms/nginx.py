"""NGINX's `limit_req`, exact to its integer arithmetic."""

import math
import re

from ratelimit.algorithms.protocol import PASSED, Admission


class LimitReq:
    """One key of a `limit_req_zone`: the requests over the rate, in thousandths, and what is above `burst` throttled.

    A request adds 1000 to the excess, each millisecond takes rate / 1000 away, both whole numbers. What is above
    `delay` is held back until it would be even with the rate; `nodelay` holds nothing back. Times are cut to
    milliseconds. A clock that was set back by up to 60 s counts as standing still, by more as one millisecond.
    Source: ngx_http_limit_req_module.c. Weakness: without `burst` it throttles whatever comes 1 ms early; a delayed
    request keeps its connection; and rates "r/m" are cut (100r/m passes 99.96), so a slow one is slower than it says.
    """

    __slots__ = ("_burst", "_delay", "_excess", "_last", "_rate")

    def __init__(self, rate: str, burst: int = 0, delay: int = 0, *, nodelay: bool = False) -> None:
        """The directives' parameters as in a configuration file: `rate` "10r/s" or "30r/m", the others in requests.

        Raises:
            ValueError: `rate` is none.
        """
        match = re.fullmatch(r"(\d+)r/([sm])", rate)
        if match is None or int(match[1]) == 0:
            raise ValueError(f"{rate!r} is not a rate: it must be a whole number of r/s or r/m, as in 10r/s")
        self._rate = int(match[1]) * 1000 // (60 if match[2] == "m" else 1)
        self._burst = burst * 1000
        self._delay = math.inf if nodelay else delay * 1000
        self._excess = 0
        self._last: int | None = None

    def arrive(self, now: float) -> Admission:
        """A request arrives. `retry_after` is when it would pass if nobody else came; NGINX itself does not tell."""
        milliseconds = math.floor(now * 1000 + 1e-3)  # whole ones stay whole, though a float may lie a hair below
        if self._last is None:
            self._last = milliseconds
            return PASSED
        elapsed = milliseconds - self._last
        if elapsed < 0:
            elapsed = 1 if elapsed < -60_000 else 0
        excess = max(0, self._excess - self._rate * elapsed // 1000 + 1000)
        if excess > self._burst:
            passes = -(-(self._excess + 1000 - self._burst) * 1000 // self._rate)  # after so many ms, rounded up
            return Admission(passed=False, retry_after=max(1, math.ceil((passes - elapsed) / 1000)))
        self._excess = excess
        if elapsed:
            self._last = milliseconds
        if excess <= self._delay:
            return PASSED
        return Admission(True, int(excess - self._delay) * 1000 // self._rate / 1000)
