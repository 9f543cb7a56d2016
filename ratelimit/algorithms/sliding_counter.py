import math

from ratelimit.algorithms.fixed_window import window_at


class SlidingCounter:
    """Approximates a sliding window by two fixed ones: usage = current + previous x (its share still in the window).

    Source: "How we built rate limiting capable of scaling to millions of domains", Cloudflare, 2017. Weakness: it
    assumes that the charges of the previous window were evenly spread. If they all came at its end, one window length
    can admit up to twice the limit; if at its beginning, it admits less than it could.
    """

    __slots__ = ("_end", "_latest", "_start", "current", "limit", "phase", "previous", "window")

    def __init__(self, limit: float, window: float = 60.0, phase: float = 0.0) -> None:
        """`window` and `phase` in seconds; windows begin at `phase` + k x `window`."""
        self.limit = limit
        self.window = window
        self.phase = phase
        self.current = self.previous = 0.0
        """Charged in the window of the last call, and in the one before."""
        self._start = self._end = self._latest = -math.inf

    def _roll(self, now: float) -> float:
        """Move to the window of `now`; return the latest time seen."""
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
        """How much of `limit` counts as used now."""
        now = self._roll(now)
        return self.current + self.previous * (self._end - now) / self.window

    def wait(self, now: float, cost: float = 1.0) -> float:
        if cost > self.limit:
            return math.inf
        now = self._roll(now)
        room = self.limit * (1 + 1e-9) - cost
        if self.current + self.previous * (self._end - now) / self.window <= room:
            return 0.0
        if self.current <= room:
            fits_at = self._end - self.window * (room - self.current) / self.previous
        else:  # only in the next window, where the current one fades
            fits_at = self._end + self.window * (1 - room / self.current)
        return fits_at - now + max(1e-9, math.ulp(fits_at))  # so that rounding wakes nothing too early

    def take(self, now: float, cost: float = 1.0) -> None:
        self._roll(now)
        self.current += cost

    def correct(self, now: float, taken_at: float, delta: float) -> None:
        """No effect once the window of `taken_at` is neither the current nor the previous one."""
        self._roll(now)
        if taken_at >= self._start:
            self.current = max(0.0, self.current + delta)
        elif taken_at >= self._start - self.window:
            self.previous = max(0.0, self.previous + delta)
