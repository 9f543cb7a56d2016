"""While nothing is known: faster and faster, until the server throttles."""

import math
from dataclasses import dataclass, field

from ratelimit.discovery.knowledge import Finding, Knowledge, Pacer, Stopped, Throttle

FIRST = 4.0
"""Calls a second at the start."""
GROWTH = 4.0
"""Seconds in which the pace grows e-fold: at the first throttle the overshoot is a round trip / GROWTH of the pace."""

LONGEST = 1.0
"""Seconds of growth between two calls, at most: an expensive call takes long, which proves nothing of the pace."""


@dataclass(slots=True)
class Ramp:
    """p = 4u x e^(t/4), where u is the mean cost of a call; it grows only while it is what holds calls back."""

    name = "ramp"
    known: Knowledge
    pace: float = 0.0
    _at: float = -math.inf
    _pacer: Pacer = field(default_factory=Pacer)

    def tick(self, now: float) -> Finding | None:
        """Time alone finds nothing out here."""
        return None

    def wait(self, now: float, cost: float) -> float:
        """Seconds until a call may start."""
        return self._pacer.wait(now)

    def sent(self, now: float, cost: float) -> None:
        """A call starts."""
        if not self.pace:
            self.pace, self._at = FIRST * self.known.mean, now
        if self._pacer.spend(now, cost, self.pace):  # else a faster pace would have changed nothing, and proves nothing
            self.pace *= math.exp(min(now - self._at, LONGEST) / GROWTH)
        self._at = now

    def credited(self, sent_at: float, delta: float) -> None:
        """A call that was sent then took `delta` more than was reserved."""
        if self.pace:
            self._pacer.credit(delta, self.pace)

    def throttled(self, now: float, throttle: Throttle) -> Finding | None:
        """The end of it."""
        elapsed = max(0.0, self._at - throttle.at)
        return Stopped(throttle, max(FIRST * self.known.mean, self.pace * math.exp(-elapsed / GROWTH)))
