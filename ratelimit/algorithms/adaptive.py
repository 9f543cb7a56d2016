"""The well-known x1.1/x0.5 adaptive rule."""

from ratelimit.algorithms.token_bucket import TokenBucket

SUCCESSES, INCREASE, DECREASE = 100, 1.1, 0.5


class Adaptive(TokenBucket):
    """A token bucket whose rate is multiplied by 1.1 after 100 successes in a row and by 0.5 on each throttle.

    Source: many clients and articles; here a baseline. Weakness: multiplicative in both directions, so it never
    settles. Against a server without burst it swings between the quota and half of it and uses at most ln 2 = 0.69 of
    it. Each throttle of a burst halves the rate, so a full window drives it to its minimum; and as it counts
    successes, it recovers the more slowly the lower it fell.
    """

    __slots__ = ("_max_rate", "_min_rate", "_successes")

    def __init__(self, rate: float, capacity: float, *, min_rate: float, max_rate: float) -> None:
        """The initial rate and its bounds in units a second; the capacity of the bucket in units."""
        super().__init__(rate, capacity)
        self._min_rate, self._max_rate = min_rate, max_rate
        self._successes = 0

    def succeeded(self, now: float) -> None:
        self._successes += 1
        if self._successes >= SUCCESSES:
            self._change(now, INCREASE)

    def throttled(self, now: float, taken_at: float, cost: float) -> None:
        """Halve the rate. There is no refund: every attempt pays."""
        self._change(now, DECREASE)

    def _change(self, now: float, factor: float) -> None:
        self._successes = 0
        self.take(now, 0.0)  # refills at the old rate until now
        self.rate = min(self._max_rate, max(self._min_rate, self.rate * factor))
