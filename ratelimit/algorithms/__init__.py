"""The limiters, one file each, one protocol. Time is an argument in seconds on any monotonic clock."""

from typing import Protocol


class Limiter(Protocol):
    """A quota of `limit` units a window or bucket, charged `cost` units at a time.

    `wait` decides and changes nothing that a later call could notice; `take` charges. The caller takes only what
    fits (`wait(...) == 0`), so several limiters can be charged all or nothing. `now` never runs backwards: an
    earlier `now` counts as the latest one seen.
    """

    limit: float
    """The most that can ever be charged at once."""

    def wait(self, now: float, cost: float = 1.0) -> float:
        """Seconds until `cost` fits: 0.0 now, `math.inf` never (cost > limit)."""
        ...

    def take(self, now: float, cost: float = 1.0) -> None:
        """Charge `cost` at `now`, whether it fits or not."""
        ...

    def correct(self, now: float, taken_at: float, delta: float) -> None:
        """Add `delta` to what was charged at `taken_at` (negative gives back); debt is allowed."""
        ...
