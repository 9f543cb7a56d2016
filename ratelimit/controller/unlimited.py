"""Nothing holds calls back, until the server does."""

from dataclasses import dataclass

from ratelimit.controller.knowledge import Finding, Knowledge, Refusal, Stopped

LATELY = 10.0
"""Seconds over which the pace before a refusal is measured, or since the first call,"""
SOON = 2.0
"""but at least in so many: a first burst in all places at once is no pace."""


@dataclass(slots=True)
class Unlimited:
    """For a quota that is said not to exist: the first refusal shows that there is one, and is where finding it begins.

    Weakness: all calls that are under way by then may be refused, as the places for calls are all that limits them.
    """

    name = "unlimited"
    known: Knowledge
    _began: float | None = None

    def tick(self, now: float) -> Finding | None:
        """Time alone finds nothing out here."""
        return None

    def wait(self, now: float, cost: float) -> float:
        """Nothing waits here."""
        return 0.0

    def sent(self, now: float, cost: float) -> None:
        """The log knows it."""
        if self._began is None:
            self._began = now

    def credited(self, sent_at: float, delta: float) -> None:
        """The log knows it."""

    def refused(self, now: float, refusal: Refusal) -> Finding | None:
        """The end of it."""
        since = LATELY if self._began is None else max(SOON, min(LATELY, refusal.at - self._began))
        spent = self.known.log.between(refusal.at - since, refusal.at)
        return Stopped(refusal, max(refusal.cost, spent) / since)
