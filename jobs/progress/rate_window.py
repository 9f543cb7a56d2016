"""Recent rates, in constant memory (pure)."""

from collections import deque

RATE_WINDOW = 60
"""Seconds, as quotas are per minute."""
MIN_UNITS = 20
"""Units needed for an estimate of the time per unit."""


class RateWindow:
    """The sum over the last 60 seconds, with a resolution of one second."""

    __slots__ = ("_amounts", "_seconds")

    def __init__(self) -> None:
        self._seconds = [-RATE_WINDOW] * RATE_WINDOW
        self._amounts = [0] * RATE_WINDOW

    def add(self, now: float, amount: int = 1) -> None:
        second = int(now)
        slot = second % RATE_WINDOW
        if self._seconds[slot] != second:
            self._seconds[slot] = second
            self._amounts[slot] = 0
        self._amounts[slot] += amount

    def total(self, now: float) -> int:
        oldest = int(now) - RATE_WINDOW
        return sum(amount for second, amount in zip(self._seconds, self._amounts, strict=True) if second > oldest)


class UnitRate:
    """The recent rate of finished units, over the last minute (a window refills once a minute) or the last 20 units."""

    __slots__ = ("_done", "_first", "_last", "_minute")

    def __init__(self) -> None:
        self._done = 0
        self._first = 0.0
        self._minute = RateWindow()
        self._last: deque[float] = deque(maxlen=MIN_UNITS + 1)

    def add(self, now: float) -> None:
        if not self._done:
            self._first = now
        self._minute.add(now)
        self._last.append(now)
        self._done += 1

    def seconds_per_unit(self, now: float, min_span: float) -> float | None:
        """Seconds between two units; None until there are 20 intervals over at least `min_span` seconds."""
        units, span = self._done - 1, now - self._first
        if units < MIN_UNITS or span < min_span:
            return None
        if span > RATE_WINDOW:
            units, span = self._minute.total(now), RATE_WINDOW
        if units < MIN_UNITS:
            units, span = MIN_UNITS, now - self._last[0]
        return span / units
