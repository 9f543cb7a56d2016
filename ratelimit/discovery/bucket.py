"""A quota that comes back all the time: just below its rate, and now and then a little above."""

import math
from dataclasses import dataclass, field

from ratelimit.discovery.knowledge import Block, Finding, Kind, Knowledge, Pacer, Stopped, Throttle
from ratelimit.discovery.refill_estimate import EmptyBucketSample

CLIMB = 0.015
"""Of the base, at the end of the plateau: the climb starts gently enough to hit a known rate by little."""

LEAST = 4.0 / 60
"""Calls a second: so often it is found out whether anything passes, however little did."""
IDLE = 5.0
"""Seconds without a call after which the bucket may have been full: what it then lost is not its rate."""


@dataclass(slots=True)
class Bucket:
    """p = base x (1 + 0.015 e^((s - plateau)/climb)) at s seconds of use: flat, then a gentle climb until a throttle.

    The throttle is the next anchor; and a rate that has grown is found by the climb.
    """

    name = "bucket"
    known: Knowledge
    base: float
    plateau: float
    climb: float
    _used: float = 0.0
    """Seconds for which this pace was what calls waited for; a pace that nobody uses proves nothing."""
    _at: float = -math.inf
    _pacer: Pacer = field(default_factory=Pacer)

    @classmethod
    def after(cls, known: Knowledge, block: Block) -> "Bucket":
        """The state that follows a short block: take the anchor and set the base by it."""
        mean, pace, throttled_at = known.mean, block.stopped.pace, block.last.at
        known.best = max(0.9 * known.best, known.pace_before(block.stopped.first.at))
        calls = known.log.calls - known.log.count_after(throttled_at)
        anchor = EmptyBucketSample(throttled_at, known.log.total_at(throttled_at), calls)
        known.refill_estimate.add(anchor, mean)
        known.kind = Kind.BUCKET if known.refills() else None
        if len(known.refill_estimate.line) > 1 and calls - known.refill_estimate.line[-2].calls >= 5:
            known.stops.append(
                (throttled_at, known.spent(throttled_at), anchor.rate_since(known.refill_estimate.line[-2]))
            )
        rate = known.rate = known.refill_estimate.rate or known.rate
        if rate is not None:
            hi = known.lowest_throttled
            if rate > hi or rate < 0.8 * hi or pace > 1.3 * hi:
                known.lowest_throttled = math.inf
            if pace >= rate:
                known.lowest_throttled = min(known.lowest_throttled, pace)
        if rate is None or pace > 1.5 * rate:
            base, plateau = _first_base(known, block, rate or 0.0)
        else:
            base, plateau = _measured_base(known, rate, in_debt=known.log.credits_after(throttled_at - 60.0) < 0)
        # Not below what a bucket that held a minute's quota must have, after what it let pass in the last minute.
        base = max(base, LEAST * mean, 0.3 * known.pace_before(block.stopped.first.at))
        climb = max(plateau / 6, 2.5, 4 * mean / base)
        if base < 0.5 * known.best:  # far below what there was: look for it soon
            plateau, climb = min(plateau, 20.0), min(climb, 5.0)
        known.base = base
        ready, given = block.survivor + mean / base, known.log.credits_after(throttled_at)
        if given > mean:  # that is spent by now; what the bucket was filled with since the throttle is not
            ready = throttled_at + (known.log.after(throttled_at) - given + mean) / base
        return cls(known, base, plateau, climb, _at=block.survivor, _pacer=Pacer(ready))

    def pace(self, used: float) -> float:
        """Cost a second after so many seconds of use."""
        return self.base * (1 + CLIMB * math.exp(min((used - self.plateau) / self.climb, 20.0)))

    def tick(self, now: float) -> Finding | None:
        """Time alone finds nothing out here."""
        return None

    def wait(self, now: float, cost: float) -> float:
        """Seconds until a call may start."""
        return self._pacer.wait(now)

    def sent(self, now: float, cost: float) -> None:
        """A call starts."""
        idle = now - self._pacer.next
        if self._pacer.spend(now, cost, self.pace(self._used)):
            self._used += now - self._at
        elif idle > IDLE:
            self.known.refill_estimate.line.clear()
        self._at = now

    def credited(self, sent_at: float, delta: float) -> None:
        """A call that was sent then took `delta` more than was reserved."""
        self._pacer.credit(delta, self.pace(self._used))

    def throttled(self, now: float, throttle: Throttle) -> Finding | None:
        """The bucket is empty, or smaller than it was."""
        return Stopped(throttle, self.pace(self._used - max(0.0, self._at - throttle.at)))


def _first_base(known: Knowledge, block: Block, rate: float) -> tuple[float, float]:
    """Before the rate was measured, or far from the line: a guess, and a short plateau."""
    stopped = block.stopped
    # A bucket that was full for a while admitted less than its rate, so what was measured is too little.
    guess = math.sqrt(rate * stopped.pace) if rate else stopped.pace / 2.5
    if block.probes_throttled:
        passed = known.log.after(stopped.first.at)
        guess = min(guess, passed / max(block.survivor - stopped.first.at, 0.01))
    base = max(rate, guess, LEAST * known.mean)
    return base, max(2.0, 6 * known.mean / base)


def _measured_base(known: Knowledge, rate: float, *, in_debt: bool) -> tuple[float, float]:
    """The rate, halfway to the lowest pace that was throttled while the line is short, less what the line may err."""
    hi, mean = known.lowest_throttled, known.mean
    rate_now = (rate + hi) / 2 if 1.04 * rate <= hi < math.inf else rate
    base = rate_now * (1 - max(0.015 if in_debt else 0.005, min(0.25, 0.5 / max(1, known.refill_estimate.calls))))
    age = max(2.0, 6 * mean / rate, 2 * known.refill_estimate.age)
    return base, min(180.0, max(60.0, 30 * mean / rate), age)
