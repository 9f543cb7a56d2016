"""A count of the last minute, in constant memory (pure)."""

RATE_WINDOW = 60
"""Seconds over which the shown rates are taken: the quota's own unit."""


class LastMinute:
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
