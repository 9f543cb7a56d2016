"""The ramp: faster and faster until the server throttles."""

import math
from dataclasses import dataclass, field

from ratelimit.discovery.knowledge import Knowledge
from ratelimit.discovery.pacer import Pacer
from ratelimit.discovery.state import Finding, State, Stopped, Throttle

START_RATE = 4.0
"""Calls a second at the start."""
GROWTH = 4.0
"""Seconds in which the rate grows e-fold; the overshoot at the first throttle is round trip / GROWTH of the rate."""
MAX_STEP = 1.0
"""Seconds of growth from one call to the next, at most: waiting long for an expensive call proves nothing."""


@dataclass(slots=True)
class Ramp(State):
    """rate = 4u x e^(t/4), where u is the mean cost of a call; it grows only while it is what holds calls back."""

    known: Knowledge
    rate: float = 0.0
    _at: float = -math.inf
    _pacer: Pacer = field(default_factory=Pacer)

    def wait(self, now: float, cost: float) -> float:
        return self._pacer.wait(now)

    def sent(self, now: float, cost: float) -> None:
        if not self.rate:
            self.rate, self._at = START_RATE * self.known.mean, now
        if self._pacer.spend(now, cost, self.rate):
            self.rate *= math.exp(min(now - self._at, MAX_STEP) / GROWTH)
        self._at = now

    def credited(self, sent_at: float, delta: float) -> None:
        if self.rate:
            self._pacer.credit(delta, self.rate)

    def throttled(self, now: float, throttle: Throttle) -> Finding | None:
        elapsed = max(0.0, self._at - throttle.at)
        return Stopped(throttle, max(START_RATE * self.known.mean, self.rate * math.exp(-elapsed / GROWTH)))
