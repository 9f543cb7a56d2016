"""Nothing holds calls back, until the server does."""

from dataclasses import dataclass

from ratelimit.controller.knowledge import Finding, Knowledge, Refusal, Stopped
from ratelimit.controller.ramp import FIRST

LATELY = 10.0
"""Seconds over which the pace before a refusal is measured: a first burst in all places at once is no pace. But it is
not less than what one begins with who knows nothing: the first calls may all be refused, and for another reason."""


@dataclass(slots=True)
class Unlimited:
    """For a quota that is said not to exist: the first refusal shows that there is one, and is where finding it begins.

    Weakness: all calls that are under way by then may be refused, as the places for calls are all that limits them.
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

    def refused(self, now: float, refusal: Refusal) -> Finding | None:
        """The end of it."""
        spent = self.known.log.between(refusal.at - LATELY, refusal.at)
        return Stopped(refusal, max(FIRST * refusal.cost, spent / LATELY))
