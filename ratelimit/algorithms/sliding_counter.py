"""The sliding window counter."""

import math

from ratelimit.algorithms.fixed_window import window_at


class SlidingCounter:
    """Two counters of fixed windows for one that slides: the current one, and the part of the last that still shows.

    usage = current + previous x (the part of the window before that lies within `window` seconds of now); what would
    take it above `limit` must wait. Source: "How we built rate limiting capable of scaling to millions of domains",
    Cloudflare, 2017. Weakness: it takes the last window's charges for evenly spread. If they all came at its end, an
    interval of one window can admit up to twice the limit; if at its beginning, it holds back more than it need.
    """

    __slots__ = ("_end", "_latest", "_start", "current", "limit", "phase", "previous", "window")

    def __init__(self, limit: float, window: float = 60.0, phase: float = 0.0) -> None:
        """`window` and `phase` in seconds; windows begin at `phase` + k x `window`."""
        self.limit = limit
        self.window = window
        self.phase = phase
        self.current = self.previous = 0.0
        """What was charged in the window that was last asked about, and in the one before."""
        self._start = self._end = self._latest = -math.inf

    def _roll(self, now: float) -> float:
        """Move on to the window of `now`; the latest time seen."""
        if now <= self._latest:
            return self._latest
        self._latest = now
        if now >= self._end:
            start, end = window_at(now, self.window, self.phase)
            self.previous = self.current if start == self._end else 0.0
            self.current = 0.0
            self._start, self._end = start, end
        return now

    def usage(self, now: float) -> float:
        """What counts as used of `limit` now."""
        now = self._roll(now)
        return self.current + self.previous * (self._end - now) / self.window

    def wait(self, now: float, cost: float = 1.0) -> float:
        """Seconds until enough of the past has faded: 0.0 now, `math.inf` never."""
        if cost > self.limit:
            return math.inf
        now = self._roll(now)
        room = self.limit * (1 + 1e-9) - cost
        if self.current + self.previous * (self._end - now) / self.window <= room:
            return 0.0
        if self.current <= room:
            fits_at = self._end - self.window * (room - self.current) / self.previous
        else:  # not in this window; in the next one this one fades
            fits_at = self._end + self.window * (1 - room / self.current)
        return fits_at - now + max(1e-9, math.ulp(fits_at))  # rounding must not wake anybody too early

    def take(self, now: float, cost: float = 1.0) -> None:
        """Charge the window of `now`."""
        self._roll(now)
        self.current += cost

    def correct(self, now: float, taken_at: float, delta: float) -> None:
        """Add `delta` to the window of `taken_at`; without effect once that is no longer one of the two."""
        self._roll(now)
        if taken_at >= self._start:
            self.current = max(0.0, self.current + delta)
        elif taken_at >= self._start - self.window:
            self.previous = max(0.0, self.previous + delta)
