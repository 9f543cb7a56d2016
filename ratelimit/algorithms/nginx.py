"""NGINX's `limit_req`, exact to its integer arithmetic."""

import math
import re

from ratelimit.algorithms.protocol import PASSED, Admission


class LimitReq:
    """One key of a `limit_req_zone`: counts the excess over the rate in thousandths of a request.

    A request adds 1000 to the excess; each millisecond removes rate / 1000; all integers. Excess above `burst` is
    throttled, excess above `delay` delays the request until it conforms to the rate; `nodelay` never delays. Times are
    truncated to milliseconds. A clock set back by up to 60 s counts as standing still, by more as 1 ms.
    Source: ngx_http_limit_req_module.c. Weakness: without `burst` it throttles a request that is 1 ms early; a delayed
    request keeps its connection; "r/m" rates are truncated (100r/m passes 99.96).
    """

    __slots__ = ("_burst", "_delay", "_excess", "_last", "_rate")

    def __init__(self, rate: str, burst: int = 0, delay: int = 0, *, nodelay: bool = False) -> None:
        """As in a configuration file: `rate` such as "10r/s" or "30r/m", `burst` and `delay` in requests.

        Raises:
            ValueError: `rate` is not valid.
        """
        match = re.fullmatch(r"(\d+)r/([sm])", rate)
        if match is None or int(match[1]) == 0:
            raise ValueError(f"{rate!r} is not a rate: use a whole number of r/s or r/m, as in 10r/s")
        self._rate = int(match[1]) * 1000 // (60 if match[2] == "m" else 1)
        self._burst = burst * 1000
        self._delay = math.inf if nodelay else delay * 1000
        self._excess = 0
        self._last: int | None = None

    def arrive(self, now: float) -> Admission:
        """`retry_after` is when the request would pass if no other came; NGINX itself sends none."""
        milliseconds = math.floor(now * 1000 + 1e-3)  # a float may lie a hair below a whole millisecond
        if self._last is None:
            self._last = milliseconds
            return PASSED
        elapsed = milliseconds - self._last
        if elapsed < 0:
            elapsed = 1 if elapsed < -60_000 else 0
        excess = max(0, self._excess - self._rate * elapsed // 1000 + 1000)
        if excess > self._burst:
            passes = -(-(self._excess + 1000 - self._burst) * 1000 // self._rate)  # milliseconds, rounded up
            return Admission(passed=False, retry_after=max(1, math.ceil((passes - elapsed) / 1000)))
        self._excess = excess
        if elapsed:
            self._last = milliseconds
        if excess <= self._delay:
            return PASSED
        return Admission(True, int(excess - self._delay) * 1000 // self._rate / 1000)
