"""What the controller of one quota has observed and concluded, in whatever state it is."""

import math
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import median

from ratelimit.discovery.call_log import CallLog
from ratelimit.discovery.refill_estimate import RefillEstimate

MEAN_WEIGHT = 0.02
"""Weight of a call in the moving average of the cost."""
MAX_STOPS = 6
MIN_STOPS_SPAN = 20.0
"""Seconds between the first and the last of these stops: in less, the sum of a minute hardly changes."""
MANY_CALLS = 100
"""Calls a minute; below that, one call more or less is a large part."""
MIN_REFILL = 0.3
"""Share of the last minute's rate; if a bucket admits less from stop to stop, it may be a full window."""
WINDOW = 60.0
"""Seconds."""
MARGIN = 0.1
"""Seconds by which the edges of a window are uncertain, as travel times vary."""
MIN_VERDICT_TIME = 0.25
"""Seconds without a throttle after which a call counts as admitted, at least."""


class Kind(StrEnum):
    """How a quota refills. AWS does not document it."""

    BUCKET = "bucket"
    SLIDING = "sliding"
    FIXED = "fixed"


@dataclass(slots=True)
class Knowledge:
    """Evidence and conclusions. Amounts are in the quota's unit (requests or tokens), rates per second."""

    log: CallLog = field(default_factory=CallLog)
    mean: float = 0.0
    """Cost of a call: a moving average."""
    round_trip: float = 0.0
    """Seconds from sending a call to its throttle; the longest, slowly forgotten."""
    kind: Kind | None = None
    base: float | None = None
    """A bucket's rate, less a safety margin."""
    rate: float | None = None
    """A bucket's rate as last measured."""
    refill_estimate: RefillEstimate = field(default_factory=RefillEstimate)
    lowest_throttled: float = math.inf
    """The lowest rate at which a bucket throttled since its rate last changed."""
    best: float = 0.0
    """The best rate seen over a minute; decays by a tenth at each stop."""
    stops: deque[tuple[float, float, float]] = field(default_factory=lambda: deque(maxlen=MAX_STOPS))
    """The last stops of a bucket: when, what the minute before had taken, and the rate since the stop before."""
    limit: float = 0.0
    """A window's limit."""
    boundary: float | None = None
    """When one of the fixed windows began."""

    @property
    def verdict_time(self) -> float:
        """Seconds after which a call without a throttle counts as admitted."""
        return max(MIN_VERDICT_TIME, 1.25 * self.round_trip)

    def sent(self, now: float, cost: float) -> None:
        self.mean += MEAN_WEIGHT * (cost - self.mean) if self.mean else cost
        self.log.add(now, cost)

    def looks_like_a_sliding_window(self) -> bool:
        """Whether a supposed bucket stops at the same sum of a minute, whatever the rate.

        A sliding window that is in use when we start gives back all the time, as fast as it was filled a minute before.
        """
        if len(self.stops) < MAX_STOPS:
            return False
        times, sums, rates = zip(*self.stops, strict=True)
        same_sum = max(sums) - min(sums) <= 0.01 * max(sums) + self.mean
        rate = max(sums) / WINDOW
        other_rate = max(rates) > 1.3 * rate or median(rates) < rate / 1.3  # a bucket has only one rate
        long_enough = times[-1] - times[0] >= MIN_STOPS_SPAN and min(sums) > MANY_CALLS * self.mean
        return bool(same_sum and other_rate and long_enough)

    def refills(self) -> bool:
        """Whether a supposed bucket still admits as in the last minute, which a full window does not.

        Where ended calls give back much, a full window lets calls pass all the time, but its sum never grows.
        """
        line = self.refill_estimate.line
        rise = line[-1].admitted - line[0].admitted
        return rise >= MIN_REFILL * self.rate_before(line[-1].at) * self.refill_estimate.age - 2 * self.mean

    def spent(self, time: float) -> float:
        """What the 60 s before `time` counted at that time."""
        return self.log.held(time - WINDOW, time)

    def rate_before(self, time: float) -> float:
        """Admitted per second in the 60 s before `time`, net of everything given back in them."""
        return (self.spent(time) - self.log.credits_after(time - WINDOW, time)) / WINDOW
