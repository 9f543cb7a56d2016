"""The states of a controller: their interface, and the findings that end one."""

import math
from dataclasses import dataclass

from ratelimit.discovery.knowledge import Kind


@dataclass(frozen=True, slots=True)
class Throttle:
    """A call that the server throttled."""

    at: float
    """When it was sent."""
    cost: float


@dataclass(frozen=True, slots=True)
class Stopped:
    """A throttle shows that the quota is used up, or smaller than estimated."""

    first: Throttle
    rate: float
    """At which that call was sent, per second."""
    grew: bool = False
    """Whether a window's limit had just been found to be larger."""


@dataclass(frozen=True, slots=True)
class Block:
    """The time from a throttle until calls passed again."""

    stopped: Stopped
    last: Throttle
    survivor: float
    """When the first call was sent that proves that the quota has refilled."""
    probes_throttled: bool


@dataclass(frozen=True, slots=True)
class FoundBucket:
    """The quota is a token bucket: calls passed again soon."""

    block: Block


@dataclass(frozen=True, slots=True)
class FoundWindow:
    """The quota is a window: calls were throttled for long, and then many passed."""

    block: Block
    kind: Kind
    limit: float
    certain: bool = True
    """False: the limit may be larger, so try more soon."""


Finding = Stopped | FoundBucket | FoundWindow


class State:
    """What a controller does at the moment. By default nothing waits and nothing is found."""

    __slots__ = ()

    @property
    def deadline(self) -> float:
        """When time alone decides something; inf: never."""
        return math.inf

    def on_deadline(self) -> Finding | None:
        return None

    def wait(self, now: float, cost: float) -> float:
        """Seconds until a call may start; a query, as in Limiter."""
        return 0.0

    def sent(self, now: float, cost: float) -> None:
        """A call was sent; it is already in the log."""

    def credited(self, sent_at: float, delta: float) -> None:
        """A call took `delta` more (usually less) than it had reserved; this is already in the log."""

    def throttled(self, now: float, throttle: Throttle) -> Finding | None:
        """A call was throttled; this is already in the log."""
        return None
