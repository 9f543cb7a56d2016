import math


def window_at(now: float, window: float, phase: float) -> tuple[float, float]:
    """Start and end of the window that contains `now`; the end is bit for bit the start of the next window."""
    index = math.floor((now - phase) / window)
    if phase + index * window > now:  # the division rounded up
        index -= 1
    elif phase + (index + 1) * window <= now:  # or down
        index += 1
    return phase + index * window, phase + (index + 1) * window


class FixedWindow:
    """Admits `limit` in each window of `window` seconds; windows begin at `phase` + k x `window`.

    Source: the counter of Kong's rate-limiting plugin and of most "per minute" quotas. Weakness: up to twice the limit
    within one window length around a boundary, where all waiting calls start at once.
    """

    __slots__ = ("_end", "_latest", "_start", "limit", "phase", "used", "window")

    def __init__(self, limit: float, window: float = 60.0, phase: float = 0.0) -> None:
        """`window` and `phase` in seconds on the clock of `now`."""
        self.limit = limit
        self.window = window
        self.phase = phase
        self.used = 0.0
        """Charged in the window of the last call; above the limit: debt, which ends with the window."""
        self._start = self._end = self._latest = -math.inf

    def _roll(self, now: float) -> float:
        """Move to the window of `now`; return the latest time seen."""
        if now <= self._latest:
            return self._latest
        self._latest = now
        if now >= self._end:
            self._start, self._end = window_at(now, self.window, self.phase)
            self.used = 0.0
        return now

    def wait(self, now: float, cost: float = 1.0) -> float:
        if cost > self.limit:
            return math.inf
        now = self._roll(now)
        if self.used + cost <= self.limit * (1 + 1e-9):
            return 0.0
        wait = self._end - now
        return wait if now + wait >= self._end else wait + math.ulp(self._end)

    def take(self, now: float, cost: float = 1.0) -> None:
        self._roll(now)
        self.used += cost

    def correct(self, now: float, taken_at: float, delta: float) -> None:
        """No effect once the window of `taken_at` is over."""
        self._roll(now)
        if taken_at >= self._start:
            self.used = max(0.0, self.used + delta)
