"""Several quotas charged as one vector: reserve, settle, refund, as Bedrock keeps its own books.

At the start of a call the whole reservation (one request, input + maxTokens tokens) is taken from every quota, all or
nothing; at its end each quota is corrected to what was used, which may be more than was reserved (output tokens burn
down several times), so a quota can go into debt.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, cast, runtime_checkable

from ratelimit.algorithms.protocol import Learner, Limiter

Cost = Mapping[str, float]
"""What a call takes of each quota, by the quota's name; quotas that the book does not have are ignored."""

Amounts = tuple[float, ...]
"""A cost in the order of a book's quotas: what decisions are made on, a million of them a second."""

NOTHING: Cost = {}


@runtime_checkable
class Resuming(Protocol):
    """A limiter that must know when nobody could call for a while."""

    def resume(self, now: float, since: float) -> None:
        """From `since` until now no call could start: what gathered is gone, what grows with time has not grown."""
        ...


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


class Reservation:
    """What was taken and is not yet settled."""

    __slots__ = ("amounts", "settled", "taken_at")

    def __init__(self, taken_at: float, amounts: Amounts) -> None:
        self.taken_at = taken_at
        self.amounts = amounts
        self.settled = False


class QuotaBook:
    """The quotas by name. Pure: time is an argument, seconds on any monotonic clock."""

    def __init__(self, dimensions: Mapping[str, Dimension]) -> None:
        self.dimensions = dict(dimensions)
        self._limiters = tuple(dimension.limiter for dimension in self.dimensions.values())
        self._learners = {
            name: cast("Learner", dimension.limiter)
            for name, dimension in self.dimensions.items()
            if hasattr(dimension.limiter, "throttled")
        }

    def amounts(self, cost: Cost) -> Amounts:
        """`cost` as the book counts it.

        Raises:
            NeverFitsError: it is larger than one of the quotas can ever hold.
        """
        amounts = []
        for name, dimension in self.dimensions.items():
            amount = cost.get(name, 0.0)
            if amount > dimension.most:
                raise NeverFitsError(name, amount, dimension.most)
            amounts.append(amount)
        return tuple(amounts)

    def try_reserve(self, now: float, amounts: Amounts) -> Reservation | float:
        """Take all of it from every quota if it fits; else take nothing and tell how long to wait.

        Seconds until every quota has room as things stand; `math.inf`: not before something is given back.
        """
        wait = self._wait(now, amounts)
        return wait if wait > 0.0 else self._take(now, amounts)

    def lacking(self, now: float, amounts: Amounts) -> str:
        """The first quota that has no room for all of it; empty if there is none."""
        for name, limiter, amount in zip(self.dimensions, self._limiters, amounts, strict=True):
            if limiter.wait(now, min(amount, limiter.limit)) > 0.0:
                return name
        return ""

    def wait(self, now: float, cost: Cost) -> float:
        """Seconds until every quota has room for `cost`: 0.0 now, `math.inf` not before something is given back.

        Raises:
            NeverFitsError: see `amounts`.
        """
        return self._wait(now, self.amounts(cost))

    def reserve(self, now: float, cost: Cost) -> Reservation:
        """Take `cost` from every quota, whether there is room or not (ask `wait` first, or use `try_reserve`)."""
        return self._take(now, self.amounts(cost))

    def settle(self, now: float, reservation: Reservation, actual: Cost) -> bool:
        """Correct every quota from what was reserved to what was used, once; whether there was anything to correct.

        Raises:
            RuntimeError: it was settled before.
        """
        _close(reservation)
        changed = False
        for name, limiter, amount in zip(self.dimensions, self._limiters, reservation.amounts, strict=True):
            delta = actual.get(name, 0.0) - amount
            if delta:
                limiter.correct(now, reservation.taken_at, delta)
                changed = True
        return changed

    def keep(self, reservation: Reservation) -> None:
        """What was used is unknown, so all that was reserved stays taken. Counts as settling.

        Raises:
            RuntimeError: it was settled before.
        """
        _close(reservation)

    def learns(self, quota: str = "") -> bool:
        """Whether a learner takes care of throttles for this quota (`""`: for one that is not told)."""
        return bool(self._learners) if not quota else quota in self._learners

    def throttled(self, now: float, reservation: Reservation, quota: str = "") -> bool:
        """The server throttled the call for this quota (`""`: it did not tell which), so nothing of it is used.

        A learner of that name is told (where no name is given, the first learner of the book), and every other
        quota gets its part back. Returns whether there was such a learner. Counts as settling.

        Raises:
            RuntimeError: it was settled before.
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
        """From `since` until now no call could start: no limiter may make up for that, or take it for success."""
        for limiter in self._limiters:
            if isinstance(limiter, Resuming):
                limiter.resume(now, since)

    def _wait(self, now: float, amounts: Amounts) -> float:
        longest = 0.0
        for limiter, amount in zip(self._limiters, amounts):  # noqa: B905 (`strict` would be paid in each decision)
            most = limiter.limit
            wait = limiter.wait(now, amount if amount < most else most)  # noqa: FURB136 (`min` is a call)
            if wait > longest:
                longest = wait
        return longest

    def _take(self, now: float, amounts: Amounts) -> Reservation:
        for limiter, amount in zip(self._limiters, amounts):  # noqa: B905 (as above)
            limiter.take(now, amount)
        return Reservation(now, amounts)


def _close(reservation: Reservation) -> None:
    if reservation.settled:
        raise RuntimeError("a reservation is settled or refunded exactly once")
    reservation.settled = True
