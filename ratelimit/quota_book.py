"""Several quotas charged together: reserve, settle, refund, with Bedrock's own arithmetic.

When a call starts, its whole reservation (one request, input + maxTokens tokens) is taken from every quota, all or
nothing. When it ends, each quota is corrected to the actual use, which may exceed the reservation (output tokens burn
down several times), so a quota can go into debt.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from ratelimit.algorithms.protocol import Learner, Limiter, Resuming
from ratelimit.errors import NeverFitsError

Cost = Mapping[str, float]
"""What a call takes from each quota, by the quota's name; quotas that the book does not have are ignored."""

Amounts = tuple[float, ...]
"""A cost in the order of a book's quotas, for speed: about a million decisions a second."""

NOTHING: Cost = {}


@dataclass(frozen=True, slots=True)
class Dimension:
    """One quota: its limiter, and the largest cost of a call.

    `max_cost` can exceed the limiter's limit: a client that spends a minute's quota in bursts of one second must still
    send a call that costs ten seconds' worth. Such a call waits until the limiter is full and leaves a debt, so the
    rate holds.
    """

    limiter: Limiter
    max_cost: float


class Reservation:
    """What a call took from the quotas, until it is settled."""

    __slots__ = ("amounts", "settled", "taken_at")

    def __init__(self, taken_at: float, amounts: Amounts) -> None:
        self.taken_at = taken_at
        self.amounts = amounts
        self.settled = False


class QuotaBook:
    """The quotas by name. Pure: time is an argument, seconds on any monotonic clock.

    `settle`, `keep` and `throttled` each end a reservation and raise RuntimeError if it has already ended.
    """

    def __init__(self, dimensions: Mapping[str, Dimension]) -> None:
        self.dimensions = dict(dimensions)
        self._limiters = tuple(dimension.limiter for dimension in self.dimensions.values())
        self._learners = {
            name: cast("Learner", dimension.limiter)
            for name, dimension in self.dimensions.items()
            if hasattr(dimension.limiter, "throttled")
        }

    def amounts(self, cost: Cost) -> Amounts:
        """The amounts of a cost, in the order of the quotas.

        Raises:
            NeverFitsError: it is larger than a quota can ever hold.
        """
        amounts = []
        for name, dimension in self.dimensions.items():
            amount = cost.get(name, 0.0)
            if amount > dimension.max_cost:
                raise NeverFitsError(name, amount, dimension.max_cost)
            amounts.append(amount)
        return tuple(amounts)

    def try_reserve(self, now: float, amounts: Amounts) -> Reservation | float:
        """Reserve in every quota if all of it fits; else reserve nothing and return the seconds to wait.

        `math.inf`: it will not fit before a call in flight ends.
        """
        wait = 0.0
        for limiter, amount in zip(self._limiters, amounts):  # noqa: B905 (`strict` costs time in each decision)
            limit = limiter.limit
            seconds = limiter.wait(now, amount if amount < limit else limit)  # noqa: FURB136 (`min` is a call)
            if seconds > wait:
                wait = seconds
        if wait > 0.0:
            return wait
        for limiter, amount in zip(self._limiters, amounts):  # noqa: B905 (as above)
            limiter.take(now, amount)
        return Reservation(now, amounts)

    def lacking(self, now: float, amounts: Amounts) -> str:
        """The name of the first quota without room for its amount; empty if all have room."""
        for name, limiter, amount in zip(self.dimensions, self._limiters, amounts, strict=True):
            if limiter.wait(now, min(amount, limiter.limit)) > 0.0:
                return name
        return ""

    def settle(self, now: float, reservation: Reservation, actual: Cost) -> bool:
        """Correct every quota from the reservation to the actual use; return whether any of them changed."""
        _close(reservation)
        changed = False
        for name, limiter, amount in zip(self.dimensions, self._limiters, reservation.amounts, strict=True):
            delta = actual.get(name, 0.0) - amount
            if delta:
                limiter.correct(now, reservation.taken_at, delta)
                changed = True
        return changed

    def keep(self, reservation: Reservation) -> None:
        """End a reservation without a correction, because the actual use is unknown."""
        _close(reservation)

    def throttled(self, now: float, reservation: Reservation, quota: str = "") -> bool:
        """The server throttled the call for this quota (`""`: it did not name one), so the call used nothing.

        The learner of that name (without a name: the first learner) handles it; every other quota is refunded.
        Returns whether there was such a learner.
        """
        _close(reservation)
        learner = self._learners.get(quota) if quota else next(iter(self._learners.values()), None)
        for limiter, amount in zip(self._limiters, reservation.amounts, strict=True):
            if limiter is learner:
                learner.throttled(now, reservation.taken_at, amount)
            elif amount:
                limiter.correct(now, reservation.taken_at, -amount)
        return learner is not None

    def resume(self, now: float, since: float) -> None:
        """No call could start from `since` until now: see `Resuming`."""
        for limiter in self._limiters:
            if isinstance(limiter, Resuming):
                limiter.resume(now, since)


def _close(reservation: Reservation) -> None:
    if reservation.settled:
        raise RuntimeError("a reservation is settled or refunded exactly once")
    reservation.settled = True
