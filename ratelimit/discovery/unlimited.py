"""Nothing holds calls back, until the server does."""

from dataclasses import dataclass

from ratelimit.discovery.knowledge import Finding, Knowledge, Stopped, Throttle
from ratelimit.discovery.ramp import FIRST

LATELY = 10.0
"""Seconds over which the rate before a throttle is measured. It is at least the ramp's first rate: the first calls may
all be throttled for another reason."""


@dataclass(slots=True)
class Unlimited:
    """For a quota configured as `none`: the first throttle shows that there is one and starts the search.

    Weakness: all calls in flight at the first throttle may be throttled: only max_in_flight limits them.
    """

    name = "unlimited"
    known: Knowledge

    def tick(self, now: float) -> Finding | None:
        """Time alone finds nothing out here."""
        return None

    def wait(self, now: float, cost: float) -> float:
        """Nothing waits here."""
        return 0.0

    def sent(self, now: float, cost: float) -> None:
        """The log knows it."""

    def credited(self, sent_at: float, delta: float) -> None:
        """The log knows it."""

    def throttled(self, now: float, throttle: Throttle) -> Finding | None:
        """The end of it."""
        spent = self.known.log.between(throttle.at - LATELY, throttle.at)
        return Stopped(throttle, max(FIRST * throttle.cost, spent / LATELY))
