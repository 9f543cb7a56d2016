"""Tells throttles that come however little is sent from those of a quota that others use too (pure).

A quota that others use leaves something: at a fraction of the rate hardly any call of a minute is throttled. If many
are, and no more of them at the full rate, waiting does not help.
"""

import math

SPAN = 60.0
"""Seconds over which calls are counted: a window refills within it."""
MANY, MOST, MIN_THROTTLES = 0.25, 0.75, 10
"""Shares of throttled calls, and how many they are at least. Where hardly a call passes, there is no quota to use."""
SLOW = 0.25
"""Share of the rate up to which a client sends little."""
TERM, MAX_TERM = 600.0, 3600.0
"""Seconds for which throttles are ignored; and for which they are not, after ignoring them made more of them."""
TRIAL_CALLS, MORE = 100, 0.2
"""Calls at the full rate after which that shows: the share of throttled ones is higher by more than this."""


class RandomThrottles:
    """Watches the calls of one quota of `rate` a second."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._share = 0.0
        """Of throttled calls at the low rate."""
        self._until = self._not_before = -math.inf
        self._count_from(-math.inf)

    def sent(self, cost: float) -> None:
        self._calls += 1
        self._cost += cost

    def ignores(self, now: float) -> bool:
        """Whether a throttle that arrives now says nothing about the quota."""
        self._throttles += 1
        if now < self._until:
            if self._calls >= TRIAL_CALLS and self._throttles > (self._share + MORE) * self._calls:
                self._until, self._not_before = now, now + MAX_TERM
                self._count_from(now)
            return now < self._until
        if (elapsed := now - self._since) < SPAN:
            return False
        share, slow = self._throttles / max(1, self._calls), self._cost <= SLOW * self._rate * elapsed
        many = MANY <= share <= MOST and self._throttles >= MIN_THROTTLES
        self._count_from(now)
        if not (many and slow and elapsed < math.inf and now >= self._not_before):
            return False
        self._share, self._until = share, now + TERM
        return True

    def _count_from(self, now: float) -> None:
        self._since, self._calls, self._throttles, self._cost = now, 0, 0, 0.0
