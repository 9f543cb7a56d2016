"""The limiters, one file each. Time is an argument in seconds on any monotonic clock.

A `Limiter` tells a client, or the one who keeps a quota, when a charge fits; a `Gatekeeper` stands before a server and
answers each request as it comes.
"""

from typing import NamedTuple, Protocol


class Limiter(Protocol):
    """A quota of `limit` units a window or bucket, charged `cost` units at a time.

    `wait` decides and changes nothing that a later call could notice; `take` charges. The caller takes only what
    fits (`wait(...) == 0`), so several limiters can be charged all or nothing. `now` never runs backwards: an
    earlier `now` counts as the latest one seen.
    """

    limit: float
    """The most that can ever be charged at once."""

    def wait(self, now: float, cost: float = 1.0) -> float:
        """Seconds until `cost` fits: 0.0 now, `math.inf` never (cost > limit)."""
        ...

    def take(self, now: float, cost: float = 1.0) -> None:
        """Charge `cost` at `now`, whether it fits or not."""
        ...

    def correct(self, now: float, taken_at: float, delta: float) -> None:
        """Add `delta` to what was charged at `taken_at` (negative gives back); debt is allowed."""
        ...


class Learner(Limiter, Protocol):
    """A limiter that finds its limit from throttles."""

    def throttled(self, now: float, taken_at: float, cost: float) -> None:
        """The server throttled the call that was charged `cost` at `taken_at`.

        What becomes of that charge is the limiter's own affair: no `correct` follows.
        """
        ...


class Admission(NamedTuple):
    """What becomes of a request on its arrival at a gateway."""

    passed: bool
    delay: float = 0.0
    """Seconds for which the gateway itself holds back what it passes."""
    retry_after: int = 0
    """Whole seconds, as the header of a throttle says them; 0 where it passed."""


PASSED = Admission(passed=True)


class Gatekeeper(Protocol):
    """A gateway's rule: each request passes, perhaps after a delay, or is throttled at once."""

    def arrive(self, now: float) -> Admission:
        """A request arrives; what was passed is counted."""
        ...
