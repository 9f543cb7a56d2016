"""A discrete-event simulation of one client with a learner against one quota.

The server admits or throttles a call when it arrives; the client sends whenever its learner allows it, and retries
throttled calls. Hours of it take a second, and a seed determines everything.
"""

import heapq
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from statistics import NormalDist
from typing import NamedTuple

from ratelimit.algorithms.fixed_window import FixedWindow
from ratelimit.algorithms.protocol import Learner, Limiter
from ratelimit.algorithms.sliding_log import SlidingLog
from ratelimit.algorithms.token_bucket import TokenBucket

MEDIAN_LATENCY, SIGMA = 6.0, 0.5
"""Seconds, and the standard deviation of the logarithm."""
AT_ONCE = 20_000
"""Calls at one instant that mean a livelock, or a learner without a limit."""


class Cost(NamedTuple):
    """What a call reserves at its start and has used at its end."""

    reserved: float
    used: float


Costs = Callable[[Callable[[], float]], Cost]
"""Draws the cost of the next call from a uniform random function."""


def one_request(_: Callable[[], float]) -> Cost:
    """A quota in requests."""
    return Cost(1.0, 1.0)


def tokens(uniform: Callable[[], float], max_tokens: int = 1024, burndown: int = 1) -> Cost:
    """A quota in tokens: sections of mixed sizes, and answers that use part of `max_tokens`."""
    input_tokens = 540 + 3960 * uniform()
    return Cost(input_tokens + max_tokens, input_tokens + burndown * (100 + 674 * uniform()))


@dataclass(frozen=True, slots=True)
class Server:
    """`quota` units a minute, as a token bucket with a burst in seconds ("bucket 10"), a "fixed" or "sliding" window.

    `changes` are (second, quota); a quota of 0 is used up by others. `other` is another client as (start, end, share
    of the quota).
    """

    kind: str
    quota: float
    changes: tuple[tuple[float, float], ...] = ()
    other: tuple[float, float, float] | None = None

    def limiter(self, phase: float = 0.0) -> Limiter:
        """The server's limiter at the start."""
        if self.kind == "fixed":
            return FixedWindow(self.quota, 60.0, phase - 60.0)
        if self.kind == "sliding":
            return SlidingLog(self.quota, 60.0)
        return TokenBucket(self.quota / 60, self._capacity(self.quota))

    def change(self, limiter: Limiter, quota: float) -> None:
        """Change the quota."""
        if isinstance(limiter, TokenBucket):
            limiter.rate, limiter.limit = quota / 60, self._capacity(quota)
            limiter.level = min(limiter.level, limiter.limit)
        else:
            limiter.limit = quota

    def max_admitted(self, until: float, phase: float) -> float:
        """What a client that knows the server's state can have admitted by then."""
        pieces = list(self._pieces(until))
        if self.kind == "fixed":
            starts = [phase - 60.0 + 60.0 * n for n in range(math.ceil((until - phase) / 60) + 1)]
            held = [max(q for a, b, q in pieces if a < start + 60 and b > start) for start in starts]
            return sum(held)
        if self.kind == "sliding":
            return sum(q * math.ceil((b - a) / 60) for a, b, q in pieces)
        return self._capacity(self.quota) + sum(q / 60 * (b - a) for a, b, q in pieces)

    def _pieces(self, until: float) -> list[tuple[float, float, float]]:
        edges = [(0.0, self.quota), *self.changes, (until, 0.0)]
        return [(a, b, quota) for (a, quota), (b, _) in pairwise(edges)]

    def _capacity(self, quota: float) -> float:
        return max(1.0, quota / 60 * float(self.kind.removeprefix("bucket ")))


@dataclass(slots=True)
class Ran:
    """The result of a run."""

    seconds: float
    max_admitted: float
    """What a client that knows the server's state, but not the other client, could have had admitted."""
    sent: list[float] = field(default_factory=list)
    throttled: list[float] = field(default_factory=list)
    """When the throttled calls were sent."""
    admitted: list[list[float]] = field(default_factory=list)
    """[time, cost], in order."""
    others: float = 0.0

    @property
    def utilisation(self) -> float:
        """Admitted / what could have been admitted."""
        return sum(amount for _, amount in self.admitted) / (self.max_admitted - self.others)

    @property
    def throttle_rate(self) -> float:
        """Throttled calls / calls sent."""
        return len(self.throttled) / len(self.sent)

    def rate(self, start: float, end: float) -> float:
        """Admitted a minute in [start, end)."""
        return 60 / (end - start) * sum(amount for at, amount in self.admitted if start <= at < end)

    def reaches(self, rate: float, after: float = 0.0, over: float = 20.0) -> float:
        """Seconds from `after` to the end of the first `over` seconds at this rate a minute; inf if never."""
        start = after
        while start + over <= self.seconds:
            if self.rate(start, start + over) >= rate:
                return start + over - after
            start += over / 4
        return math.inf


def drive(
    learner: Learner,
    server: Server,
    seed: int,
    *,
    minutes: float,
    costs: Costs = one_request,
    idle: tuple[float, float] | None = None,
) -> Ran:
    """Run a client that always has something to send, except in `idle` [start, end)."""
    return _Drive(learner, server, random.Random(seed).random, minutes * 60, costs, idle or (0.0, 0.0)).run()


class _Drive:
    """The event loop: after each event the client sends what its learner allows."""

    def __init__(
        self,
        learner: Learner,
        server: Server,
        uniform: Callable[[], float],
        seconds: float,
        costs: Costs,
        idle: tuple[float, float],
    ) -> None:
        self.learner, self.server, self.uniform = learner, server, uniform
        self.seconds, self.costs, self.idle = seconds, costs, idle
        phase = 60 * uniform()
        self.limiter = server.limiter(phase)
        self.ran = Ran(seconds, server.max_admitted(seconds, phase))
        self.now = 0.0
        self.due = 0.0
        """When the head of the queue is tried next."""
        self.head = Cost(0.0, 0.0)
        """The next call."""
        self.retries: list[Cost] = []
        """Calls that follow it."""
        self.events: list[tuple[float, int, Callable[[], None]]] = []
        self.count = 0

    def run(self) -> Ran:
        for at, quota in self.server.changes:
            self._at(at, partial(self.server.change, self.limiter, quota))
        if self.server.other:
            self._at(self.server.other[0], self._other)
        self.head = self.costs(self.uniform)
        while self.now < self.seconds:
            self._send()
            if self.events and self.events[0][0] <= self.due:
                self.now, _, event = heapq.heappop(self.events)
                event()
            else:
                self.now = self.due
        return self.ran

    def _at(self, when: float, event: Callable[[], None]) -> None:
        self.count += 1
        heapq.heappush(self.events, (when, self.count, event))

    def _send(self) -> None:
        """Send while the learner allows it."""
        for _ in range(AT_ONCE):
            if self.idle[0] <= self.now < self.idle[1]:
                self.due = self.idle[1]
                return
            if (wait := self.learner.wait(self.now, self.head.reserved)) > 0.0:
                self.due = self.now + max(wait, 0.001)
                return
            self.learner.take(self.now, self.head.reserved)
            self.ran.sent.append(self.now)
            self._at(self.now + 0.005 + 0.02 * self.uniform(), partial(self._arrive, self.now, self.head))
            self.head = self.retries.pop() if self.retries else self.costs(self.uniform)
        raise AssertionError(f"{AT_ONCE} calls at {self.now}")

    def _arrive(self, sent_at: float, cost: Cost) -> None:
        if not self._admits(cost.reserved):
            self.ran.throttled.append(sent_at)
            self._at(self.now + 0.05 + 0.15 * self.uniform(), partial(self._throttled, sent_at, cost))
            return
        entry = [self.now, cost.reserved]
        self.ran.admitted.append(entry)
        latency = MEDIAN_LATENCY * math.exp(SIGMA * NormalDist().inv_cdf(self.uniform() or 0.5))
        self._at(self.now + latency, partial(self._answered, sent_at, entry, cost.used - cost.reserved))

    def _admits(self, amount: float) -> bool:
        """A call larger than the quota passes when the whole quota is free."""
        if not self.limiter.limit or self.limiter.wait(self.now, min(amount, self.limiter.limit)) > 0.0:
            return False
        self.limiter.take(self.now, amount)
        return True

    def _throttled(self, sent_at: float, cost: Cost) -> None:
        self.learner.throttled(self.now, sent_at, cost.reserved)
        self.retries.append(self.head)
        self.head = cost

    def _answered(self, sent_at: float, entry: list[float], delta: float) -> None:
        if delta:
            self.limiter.correct(self.now, entry[0], delta)
            entry[1] += delta
            self.learner.correct(self.now, sent_at, delta)

    def _other(self) -> None:
        assert self.server.other
        _, end, share = self.server.other
        amount = self.costs(self.uniform).reserved
        if self._admits(amount):
            self.ran.others += amount
        pause = -math.log(1 - self.uniform()) * amount / (self.server.quota / 60 * share)
        if self.now + pause < end:
            self._at(self.now + pause, self._other)
