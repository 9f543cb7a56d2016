"""The protocols of rate limiters. Time is an argument, in seconds on any monotonic clock.

- `Limiter`: a client's view of a quota; the caller waits until a call fits. `Learner` and `Resuming` extend it.
- `Gatekeeper`: a gateway in front of a server; it passes, delays or throttles each request on arrival.
"""

from typing import NamedTuple, Protocol, runtime_checkable


class Limiter(Protocol):
    """A quota that calls are charged to.

    `wait` is a query: however often you call it, later decisions are the same. `take` charges the quota. Take only
    what fits (`wait(...) == 0`); several limiters can then be charged all or nothing. The clock of a limiter starts
    with the first call of any method. `now` never runs backwards: an earlier `now` counts as the latest one.
    """

    limit: float
    """The largest cost that can ever fit."""

    def wait(self, now: float, cost: float = 1.0) -> float:
        """Seconds until `cost` fits: 0.0 if it fits now, `math.inf` if it never does (cost > limit)."""
        ...

    def take(self, now: float, cost: float = 1.0) -> None:
        """Charge `cost`, whether it fits or not."""
        ...

    def correct(self, now: float, taken_at: float, delta: float) -> None:
        """Change the charge made at `taken_at` by `delta` (negative: a refund); debt is allowed."""
        ...


class Learner(Limiter, Protocol):
    """A limiter that finds its limit from throttles."""

    def throttled(self, now: float, taken_at: float, cost: float) -> None:
        """The server throttled the call charged at `taken_at`. The limiter refunds it as it sees fit."""
        ...


@runtime_checkable
class Resuming(Protocol):
    """A limiter that must know when no calls could start for a while, such as during an outage."""

    def resume(self, now: float, since: float) -> None:
        """No call could start from `since` until now: unused capacity is lost, and idle time is no evidence."""
        ...


class Admission(NamedTuple):
    """A gateway's answer to a request."""

    passed: bool
    delay: float = 0.0
    """Seconds for which the gateway delays a passed request."""
    retry_after: int = 0
    """Whole seconds, as in the Retry-After header of a throttled request."""


PASSED = Admission(passed=True)


class Gatekeeper(Protocol):
    """A gateway's rule."""

    def arrive(self, now: float) -> Admission:
        """Decide on a request that arrives now."""
        ...
