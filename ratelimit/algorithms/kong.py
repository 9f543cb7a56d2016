"""Kong's fixed window (rate-limiting) and sliding window (rate-limiting-advanced)."""

import math

from ratelimit.algorithms.protocol import PASSED, Admission


class KongFixed:
    """`limit` requests in each window of whole seconds; throttled requests do not count.

    Source: kong/plugins/rate-limiting, policy `local`. Weakness: as any fixed window, twice the limit around a
    boundary; and `Retry-After` sends all throttled clients back in the same second.
    """

    __slots__ = ("_second", "_window", "limit", "used", "window")

    def __init__(self, limit: int, window: int = 60) -> None:
        """`window` in seconds; windows begin at its multiples (UTC, if `now` is the time of day)."""
        self.limit = limit
        self.window = window
        self.used = 0
        """Passed in the window of the last arrival."""
        self._second = 0
        self._window = -1

    def arrive(self, now: float) -> Admission:
        """`retry_after` is the rest of the window."""
        self._second = second = max(int(now), self._second)
        index, into = divmod(second, self.window)
        if index != self._window:
            self._window, self.used = index, 0
        if self.used >= self.limit:
            return Admission(passed=False, retry_after=max(1, self.window - into))
        self.used += 1
        return PASSED


class KongSliding:
    """Counters of two windows, the previous one weighted by its share that is left; an arrival counts before the check.

    usage = current + previous x (window - now mod window) / window, in whole seconds; above `limit` it is throttled.
    Source: kong/plugins/rate-limiting-advanced with `window_type=sliding`. Weakness: throttled requests count too
    (`disable_penalty` is off by default), so clients that retry early can keep it shut for ever, and `Retry-After` can
    be too short.
    """

    __slots__ = ("_current", "_previous", "_second", "_start", "_throttling_since", "limit", "usage", "window")

    def __init__(self, limit: int, window: int = 60) -> None:
        """`window` in seconds; windows begin at its multiples."""
        self.limit = limit
        self.window = window
        self.usage = 0.0
        """After the last arrival, included."""
        self._current = self._previous = 0
        self._second = 0
        self._start = -window
        self._throttling_since: int | None = None

    def arrive(self, now: float) -> Admission:
        """`retry_after` is the rest of the first window that throttled, plus the excess over the limit."""
        self._second = second = max(int(now), self._second)
        into = second % self.window
        start = second - into
        if start != self._start:
            self._previous = self._current if start == self._start + self.window else 0
            self._start, self._current = start, 0
        self._current += 1
        self.usage = self._current + self._previous * (self.window - into) / self.window
        if self.usage <= self.limit:
            self._throttling_since = None
            return PASSED
        if self._throttling_since is None:
            self._throttling_since = start
        rest = max(1, self.window - (second - self._throttling_since))
        return Admission(
            passed=False, retry_after=math.ceil(rest + (self.usage - self.limit) / self.limit * self.window)
        )
