"""What was counted lately, in constant memory (pure)."""

from collections import deque

RATE_WINDOW = 60
"""Seconds over which the shown rates are taken: the quota's own unit."""
ENOUGH = 20
"""Units that tell how long one takes."""


class RateWindow:
    """What was counted in the last 60 seconds, in buckets of a second."""

    __slots__ = ("_amounts", "_seconds")

    def __init__(self) -> None:
        self._seconds = [-RATE_WINDOW] * RATE_WINDOW
        self._amounts = [0] * RATE_WINDOW

    def add(self, now: float, amount: int = 1) -> None:
        """Count `amount` at `now` (seconds)."""
        second = int(now)
        bucket = second % RATE_WINDOW
        if self._seconds[bucket] != second:
            self._seconds[bucket] = second
            self._amounts[bucket] = 0
        self._amounts[bucket] += amount

    def total(self, now: float) -> int:
        """What was counted since a minute before `now`."""
        oldest = int(now) - RATE_WINDOW
        return sum(amount for second, amount in zip(self._seconds, self._amounts, strict=True) if second > oldest)


class Pace:
    """How long a unit takes lately, all that are called for at once together.

    Lately is the last minute, as a quota may come back only once in one, or the last 20 units if they took longer.
    """

    __slots__ = ("_done", "_first", "_last", "_minute")

    def __init__(self) -> None:
        self._done = 0
        self._first = 0.0
        self._minute = RateWindow()
        self._last: deque[float] = deque(maxlen=ENOUGH + 1)

    def add(self, now: float) -> None:
        """One more unit is done."""
        if not self._done:
            self._first = now
        self._minute.add(now)
        self._last.append(now)
        self._done += 1

    def seconds(self, now: float, shortest: float) -> float | None:
        """Of a unit; None until enough are done, in `shortest` seconds or more."""
        units, span = self._done - 1, now - self._first
        if units < ENOUGH or span < shortest:
            return None
        if span > RATE_WINDOW:
            units, span = self._minute.total(now), RATE_WINDOW
        if units < ENOUGH:
            units, span = ENOUGH, now - self._last[0]
        return span / units
