"""The well-known adaptive rule: a little faster after many successes, half as fast after a throttle."""

from ratelimit.algorithms.token_bucket import TokenBucket

SUCCESSES, FASTER, SLOWER = 100, 1.1, 0.5


class Adaptive:
    """A token bucket whose rate is multiplied by 1.1 after 100 successes in a row, and by 0.5 on each throttle.

    Source: the rule as it is handed on in many clients and articles; a baseline to compare with. Weakness: it is
    multiplicative in both directions, so it never settles. Against a server without burst it saws between the quota
    and half of it and uses ln 2 of it, 0.69, or less, the longer a throttle takes. Each throttle of a burst halves
    the rate, so a window that is used up drives it down to the lowest; and since it counts successes, it is the slower
    to recover the lower it fell.
    """

    __slots__ = ("_bucket", "_highest", "_lowest", "_successes", "limit")

    def __init__(self, rate: float, capacity: float, *, lowest: float, highest: float) -> None:
        """`rate` to begin with, and its bounds, in units a second; `capacity` of the bucket in units."""
        self._bucket = TokenBucket(rate, capacity)
        self._lowest, self._highest = lowest, highest
        self._successes = 0
        self.limit = capacity

    @property
    def rate(self) -> float:
        """Units a second now."""
        return self._bucket.rate

    def wait(self, now: float, cost: float = 1.0) -> float:
        """Seconds until `cost` tokens are there at today's rate: 0.0 now, `math.inf` never."""
        return self._bucket.wait(now, cost)

    def take(self, now: float, cost: float = 1.0) -> None:
        """Take `cost` tokens."""
        self._bucket.take(now, cost)

    def correct(self, now: float, taken_at: float, delta: float) -> None:
        """Take `delta` more (negative: give back)."""
        self._bucket.correct(now, taken_at, delta)

    def succeeded(self, now: float) -> None:
        """A call was answered."""
        self._successes += 1
        if self._successes >= SUCCESSES:
            self._change(now, FASTER)

    def throttled(self, now: float, taken_at: float, cost: float) -> None:
        """The server throttled a call: the rate halves. Its tokens are spent; each attempt pays."""
        self._change(now, SLOWER)

    def _change(self, now: float, factor: float) -> None:
        self._successes = 0
        self._bucket.take(now, 0.0)  # what came in until now came in at the old rate
        self._bucket.rate = min(self._highest, max(self._lowest, self._bucket.rate * factor))
