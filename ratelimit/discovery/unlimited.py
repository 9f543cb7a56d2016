"""No limit until the server throttles."""

from dataclasses import dataclass

from ratelimit.discovery.knowledge import Knowledge
from ratelimit.discovery.ramp import START_RATE
from ratelimit.discovery.state import Finding, State, Stopped, Throttle

RATE_PERIOD = 10.0
"""Seconds over which the rate before a throttle is measured. The result is at least the ramp's first rate: the first
calls may all be throttled for another reason."""


@dataclass(slots=True)
class Unlimited(State):
    """For a quota configured as `none`: the first throttle shows that there is one, and it is measured.

    Weakness: all calls in flight at the first throttle may be throttled: only max_in_flight limits them.
    """

    known: Knowledge

    def throttled(self, now: float, throttle: Throttle) -> Finding | None:
        spent = self.known.log.between(throttle.at - RATE_PERIOD, throttle.at)
        return Stopped(throttle, max(START_RATE * throttle.cost, spent / RATE_PERIOD))
