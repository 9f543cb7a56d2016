"""What the controller of one quota knows, whatever it is doing."""

import math
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import median

from ratelimit.discovery.call_log import CallLog
from ratelimit.discovery.refill_estimate import RefillEstimate

LATENESS = 0.02
"""Seconds that a call may start late and the next ones still make up for: timers and the head's turn cost some."""
STOPS = 6
APART = 20.0
"""Seconds between the first and the last of these stops: the sum of a minute hardly changes in less."""
MANY = 100
"""Calls a minute; of fewer, one more or less is a large part."""
DOUBTFUL = 0.3
"""Of the last minute's rate: if that little is admitted from stop to stop, it may be none."""
WINDOW = 60.0
"""Seconds of a quota a minute."""
MARGIN = 0.1
"""Seconds by which the edges of a window may be off: calls travel unevenly."""
QUICK = 0.25
"""Seconds after which a call without a throttle has survived, at least."""


class Kind(StrEnum):
    """How a server counts. Nobody tells; AWS does not document it."""

    BUCKET = "bucket"
    SLIDING = "sliding"
    FIXED = "fixed"


@dataclass(slots=True)
class Knowledge:
    """Evidence and conclusions; amounts are in the quota's unit (requests or tokens), rates a second."""

    log: CallLog = field(default_factory=CallLog)
    mean: float = 0.0
    """What a call takes: a moving average."""
    round_trip: float = 0.0
    """Seconds: the longest that a throttle took to come back."""
    kind: Kind | None = None
    base: float | None = None
    """A bucket's rate, a little below what was measured."""
    rate: float | None = None
    """A bucket's rate as it was measured last."""
    refill_estimate: RefillEstimate = field(default_factory=RefillEstimate)
    lowest_throttled: float = math.inf
    """The lowest pace at which a bucket throttled since its rate last changed."""
    best: float = 0.0
    """The best rate that was seen over a minute, forgotten by a tenth at each stop."""
    stops: deque[tuple[float, float, float]] = field(default_factory=lambda: deque(maxlen=STOPS))
    """The last stops of a bucket: when, what the minute before had taken, and the rate since the stop before."""
    limit: float = 0.0
    """What a window holds."""
    boundary: float | None = None
    """When one of the fixed windows began."""

    @property
    def verdict_time(self) -> float:
        """Seconds after which a call that was not throttled counts as admitted."""
        return max(QUICK, 1.25 * self.round_trip)

    def sent(self, now: float, cost: float) -> None:
        """A call was sent."""
        self.mean += 0.02 * (cost - self.mean) if self.mean else cost
        self.log.add(now, cost)

    def seems_a_log(self) -> bool:
        """Whether what was taken for a bucket stops at one and the same sum of a minute, whatever the rate.

        A log that is met while it is in use gives back all the time, as fast as it was filled a minute before.
        """
        if len(self.stops) < STOPS:
            return False
        times, sums, rates = zip(*self.stops, strict=True)
        same = max(sums) - min(sums) <= 0.01 * max(sums) + self.mean
        apart = times[-1] - times[0] >= APART
        rate = max(sums) / WINDOW
        other = max(rates) > 1.3 * rate or median(rates) < rate / 1.3  # a bucket has but the one
        return bool(same and apart and other and min(sums) > MANY * self.mean)

    def refills(self) -> bool:
        """Whether what is taken for a bucket goes on to admit as it did in the last minute; a full window does not.

        Where ended calls give back much, a full window lets calls pass all the time, though its sum never grows.
        """
        line = self.refill_estimate.line
        rise = line[-1].admitted - line[0].admitted
        return rise >= DOUBTFUL * self.pace_before(line[-1].at) * self.refill_estimate.age - 2 * self.mean

    def spent(self, time: float) -> float:
        """What counted then of the 60 s before."""
        return self.log.held(time - WINDOW, time)

    def pace_before(self, time: float) -> float:
        """What was admitted a second in the 60 s before, net of all that was given back in them."""
        return (self.spent(time) - self.log.credits_after(time - WINDOW, time)) / WINDOW


@dataclass(slots=True)
class Pacer:
    """When the next call may start at a pace that may change from call to call.

    What ended calls give back lets calls start before their time. Unlike time in which nobody wanted to start, it is
    not lost when it comes faster than calls do: where answers use a tenth of maxTokens, nearly all of the pace is
    given back.
    """

    next: float = -math.inf
    """When it is time by the pace alone."""
    given: float = 0.0
    """Seconds that ended calls gave back and no call has used."""

    def wait(self, now: float) -> float:
        """Seconds until the next may start."""
        return max(0.0, self.next - self.given - now)

    def spend(self, now: float, cost: float, pace: float) -> bool:
        """A call of this cost starts at `pace` (cost a second); whether the pace is what it waited for."""
        early = min(self.given, max(0.0, self.next - now))
        used = now - self.next <= LATENESS
        self.given = self.given - early if used else 0.0  # else nobody needed it
        self.next = max(self.next - early, now - LATENESS) + cost / pace
        return used

    def credit(self, delta: float, pace: float) -> None:
        """A call took `delta` more (mostly less) than was reserved."""
        if delta < 0:
            self.given -= delta / pace
        else:
            self.next += delta / pace


@dataclass(frozen=True, slots=True)
class Throttle:
    """A call that the server throttled."""

    at: float
    """When it was sent."""
    cost: float


# What a state finds out, and what ends it.


@dataclass(frozen=True, slots=True)
class Stopped:
    """The quota is used up, or less than it was thought to be."""

    first: Throttle
    pace: float
    """At which that call was sent."""
    grew: bool = False
    """A window's limit had just been found to be larger."""


@dataclass(frozen=True, slots=True)
class Block:
    """How the server behaved from the first throttle until calls passed again."""

    stopped: Stopped
    last: Throttle
    survivor: float
    """When the first call that proves anything was sent."""
    probes_throttled: bool


@dataclass(frozen=True, slots=True)
class FoundBucket:
    """Calls passed again soon."""

    block: Block


@dataclass(frozen=True, slots=True)
class FoundWindow:
    """Calls were throttled for long, and then many passed."""

    block: Block
    kind: Kind
    limit: float
    certain: bool = True
    """False: the limit may be larger, so look soon."""


Finding = Stopped | FoundBucket | FoundWindow
