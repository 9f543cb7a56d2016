import math
from bisect import bisect_left
from collections import deque


class SlidingLog:
    """Admits `limit` in every interval of `window` seconds: it keeps each charge with its time.

    Source: the "sliding window log" of the literature. Weakness: memory grows with the charges of one window, and a
    client that was idle can take a whole window's limit at once.
    """

    __slots__ = ("_costs", "_latest", "_times", "limit", "used", "window")

    def __init__(self, limit: float, window: float = 60.0) -> None:
        """`window` in seconds."""
        self.limit = limit
        self.window = window
        self.used = 0.0
        """Sum of the charges in the window; above the limit: debt."""
        self._times: deque[float] = deque()
        self._costs: deque[float] = deque()
        self._latest = -math.inf

    def _expire(self, now: float) -> float:
        """Drop the charges that left the window; return the latest time seen."""
        if now <= self._latest:
            return self._latest
        self._latest = now
        while self._times and self._times[0] + self.window <= now:
            self._times.popleft()
            self.used -= self._costs.popleft()
        if not self._times:
            self.used = 0.0  # resets the rounding errors of the sum
        return now

    def wait(self, now: float, cost: float = 1.0) -> float:
        if cost > self.limit:
            return math.inf
        now = self._expire(now)
        excess = self.used + cost - self.limit * (1 + 1e-9)
        if excess <= 0:
            return 0.0
        end = now
        for time, charged in zip(self._times, self._costs, strict=True):
            if excess <= 0:
                break
            excess -= charged
            end = time + self.window
        wait = end - now
        return wait if now + wait >= end else wait + math.ulp(end)

    def take(self, now: float, cost: float = 1.0) -> None:
        now = self._expire(now)
        if self._times and self._times[-1] == now:
            self._costs[-1] += cost
        else:
            self._times.append(now)
            self._costs.append(cost)
        self.used += cost

    def correct(self, now: float, taken_at: float, delta: float) -> None:
        """No effect once the charge has left the window."""
        now = self._expire(now)
        if not self._times or taken_at + self.window <= now:
            return
        # A charge at an earlier time than the latest was recorded at the latest: hence the first at or after it.
        index = min(bisect_left(self._times, taken_at), len(self._times) - 1)
        delta = max(delta, -self._costs[index])
        self._costs[index] += delta
        self.used += delta
