"""Spaces calls at a rate that may change from call to call."""

import math
from dataclasses import dataclass

MAX_LATENESS = 0.02
"""Seconds by which a call may start late and the next ones still catch up: timers and queueing take some."""


@dataclass(slots=True)
class Pacer:
    """Computes when the next call may start.

    What ended calls give back lets calls start ahead of time. Unlike idle time it is not lost when it arrives faster
    than calls start: where answers use a tenth of maxTokens, ended calls give back nearly all of the rate.
    """

    next_at: float = -math.inf
    """When the next call may start, by the rate alone."""
    credit_seconds: float = 0.0
    """Given back by ended calls and not used yet, as seconds at the rate."""

    def wait(self, now: float) -> float:
        """Seconds until the next call may start."""
        return max(0.0, self.next_at - self.credit_seconds - now)

    def spend(self, now: float, cost: float, rate: float) -> bool:
        """A call of this cost starts at `rate` (cost a second); whether the rate was what it had waited for."""
        early = min(self.credit_seconds, max(0.0, self.next_at - now))
        waited = now - self.next_at <= MAX_LATENESS
        self.credit_seconds = self.credit_seconds - early if waited else 0.0  # else it was not needed
        self.next_at = max(self.next_at - early, now - MAX_LATENESS) + cost / rate
        return waited

    def credit(self, delta: float, rate: float) -> None:
        """A call took `delta` more (usually less) than it had reserved."""
        if delta < 0:
            self.credit_seconds -= delta / rate
        else:
            self.next_at += delta / rate
