"""Several quotas charged as one vector: reserve, settle, refund, as Bedrock keeps its own books.

At the start of a call the whole reservation (one request, input + maxTokens tokens) is taken from every quota, all or
nothing; at its end each quota is corrected to what was used, which may be more than was reserved (output tokens burn
down several times), so a quota can go into debt.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ratelimit.algorithms import Limiter

Cost = Mapping[str, float]
"""What a call takes of each quota, by the quota's name; quotas that the book does not have are ignored."""

NOTHING: Cost = {}


class NeverFitsError(Exception):
    """A cost is larger than a quota can ever hold."""

    def __init__(self, quota: str, cost: float, most: float) -> None:
        super().__init__(f"needs {cost:g} of {quota}, of which there are never more than {most:g}")
        self.quota, self.cost, self.most = quota, cost, most


@dataclass(frozen=True, slots=True)
class Dimension:
    """One quota: its limiter, and the most that one call may cost.

    `most` can exceed what the limiter holds at once: a client that spends a minute's quota in bursts of one second
    still has to send a call that costs ten seconds' worth. Such a call waits until the limiter is full and leaves a
    debt, so the rate holds all the same.
    """

    limiter: Limiter
    most: float


@dataclass(slots=True, eq=False)
class Reservation:
    """What was taken and is not yet settled."""

    taken_at: float
    cost: Cost
    settled: bool = False


class QuotaBook:
    """The quotas by name. Pure: time is an argument, seconds on any monotonic clock."""

    def __init__(self, dimensions: Mapping[str, Dimension]) -> None:
        self.dimensions = dict(dimensions)

    def wait(self, now: float, cost: Cost) -> float:
        """Seconds until every quota has room for `cost`: 0.0 now, `math.inf` not before something is given back.

        Raises:
            NeverFitsError: the cost is larger than one of the quotas can ever hold.
        """
        longest = 0.0
        for name, dimension in self.dimensions.items():
            amount = cost.get(name, 0.0)
            if amount > dimension.most:
                raise NeverFitsError(name, amount, dimension.most)
            wait = dimension.limiter.wait(now, min(amount, dimension.limiter.limit))
            longest = max(longest, wait)
        return longest

    def reserve(self, now: float, cost: Cost) -> Reservation:
        """Take `cost` from every quota, whether it fits or not (ask `wait` first)."""
        for name, dimension in self.dimensions.items():
            dimension.limiter.take(now, cost.get(name, 0.0))
        return Reservation(now, cost)

    def settle(self, now: float, reservation: Reservation, actual: Cost) -> None:
        """Correct every quota from what was reserved to what was used, once.

        Raises:
            RuntimeError: it was settled before.
        """
        if reservation.settled:
            raise RuntimeError("a reservation is settled or refunded exactly once")
        reservation.settled = True
        for name, dimension in self.dimensions.items():
            delta = actual.get(name, 0.0) - reservation.cost.get(name, 0.0)
            if delta:
                dimension.limiter.correct(now, reservation.taken_at, delta)
