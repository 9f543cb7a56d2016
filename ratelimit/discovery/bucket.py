"""A token bucket: run just below its rate, and now and then a little above."""

import math
from dataclasses import dataclass, field

from ratelimit.discovery.knowledge import Kind, Knowledge
from ratelimit.discovery.pacer import Pacer
from ratelimit.discovery.refill_estimate import EmptyBucketSample
from ratelimit.discovery.state import Block, Finding, State, Stopped, Throttle

CLIMB = 0.015
"""Share of the base at the end of the plateau: the climb starts gently, to exceed a known rate by little."""
MIN_RATE = 4.0 / 60
"""Calls a second, even if fewer pass, to find out whether any do."""
IDLE = 5.0
"""Seconds without a call after which the bucket may have been full, so that the next sample would be too low."""


@dataclass(slots=True)
class Bucket(State):
    """rate = base x (1 + 0.015 e^((s - plateau)/climb)) after s seconds of use: flat, then a climb until a throttle.

    The throttle is the next sample; and the climb finds a rate that has grown.
    """

    known: Knowledge
    base: float
    plateau: float
    climb: float
    _used: float = 0.0
    """Seconds for which calls waited for this rate; an unused rate proves nothing."""
    _at: float = -math.inf
    _pacer: Pacer = field(default_factory=Pacer)

    @classmethod
    def after(cls, known: Knowledge, block: Block) -> "Bucket":
        """The state after a short block: take a sample and set the base by it."""
        mean, stop_rate, throttled_at = known.mean, block.stopped.rate, block.last.at
        known.best = max(0.9 * known.best, known.rate_before(block.stopped.first.at))
        _take_sample(known, throttled_at)
        rate = known.rate = known.refill_estimate.rate or known.rate
        if rate is not None:
            lowest = known.lowest_throttled
            if rate > lowest or rate < 0.8 * lowest or stop_rate > 1.3 * lowest:
                known.lowest_throttled = math.inf
            if stop_rate >= rate:
                known.lowest_throttled = min(known.lowest_throttled, stop_rate)
        if rate is None or stop_rate > 1.5 * rate:
            base, plateau = _first_base(known, block, rate or 0.0)
        else:
            base, plateau = _measured_base(known, rate, in_debt=known.log.credits_after(throttled_at - 60.0) < 0)
        # At least the rate of a bucket with a burst of a minute, given what it admitted in the last minute.
        base = max(base, MIN_RATE * mean, 0.3 * known.rate_before(block.stopped.first.at))
        climb = max(plateau / 6, 2.5, 4 * mean / base)
        if base < 0.5 * known.best:  # far below the best rate seen: try more soon
            plateau, climb = min(plateau, 20.0), min(climb, 5.0)
        known.base = base
        ready, returned = block.survivor + mean / base, known.log.credits_after(throttled_at)
        if returned > mean:  # these credits are spent by now; what the bucket refilled since the throttle is not
            ready = throttled_at + (known.log.after(throttled_at) - returned + mean) / base
        return cls(known, base, plateau, climb, _at=block.survivor, _pacer=Pacer(ready))

    def rate(self, used: float) -> float:
        """Cost a second after `used` seconds of use."""
        return self.base * (1 + CLIMB * math.exp(min((used - self.plateau) / self.climb, 20.0)))

    def wait(self, now: float, cost: float) -> float:
        return self._pacer.wait(now)

    def sent(self, now: float, cost: float) -> None:
        idle = now - self._pacer.next_at
        if self._pacer.spend(now, cost, self.rate(self._used)):
            # Capped: after one expensive call or a debt the gap is long, and the climb is exponential in it.
            self._used += min(now - self._at, self.climb)
        elif idle > IDLE:
            self.known.refill_estimate.line.clear()
        self._at = now

    def credited(self, sent_at: float, delta: float) -> None:
        self._pacer.credit(delta, self.rate(self._used))

    def throttled(self, now: float, throttle: Throttle) -> Finding | None:
        return Stopped(throttle, self.rate(self._used - max(0.0, self._at - throttle.at)))


def _take_sample(known: Knowledge, at: float) -> None:
    line = known.refill_estimate.line
    previous = line[-1] if line else None
    sample = EmptyBucketSample(at, known.log.total_at(at), known.log.calls - known.log.count_after(at))
    known.refill_estimate.add(sample, known.mean)
    known.kind = Kind.BUCKET if known.refills() else None
    if previous is not None and sample.calls - previous.calls >= 5:
        known.stops.append((at, known.spent(at), sample.rate_since(previous)))


def _first_base(known: Knowledge, block: Block, rate: float) -> tuple[float, float]:
    """Base and plateau before the rate was measured, or far from the measured line: a guess and a short plateau."""
    stopped = block.stopped
    # A bucket that was full for a while admitted less than its rate, so the measured rate is too low.
    guess = math.sqrt(rate * stopped.rate) if rate else stopped.rate / 2.5
    if block.probes_throttled:
        passed = known.log.after(stopped.first.at)
        guess = min(guess, passed / max(block.survivor - stopped.first.at, 0.01))
    base = max(rate, guess, MIN_RATE * known.mean)
    return base, max(2.0, 6 * known.mean / base)


def _measured_base(known: Knowledge, rate: float, *, in_debt: bool) -> tuple[float, float]:
    """Base and plateau by the measured rate, less its possible error.

    While the line is short, the rate is taken halfway to the lowest throttled one.
    """
    throttled, mean = known.lowest_throttled, known.mean
    rate_now = (rate + throttled) / 2 if 1.04 * rate <= throttled < math.inf else rate
    base = rate_now * (1 - max(0.015 if in_debt else 0.005, min(0.25, 0.5 / max(1, known.refill_estimate.calls))))
    age = max(2.0, 6 * mean / rate, 2 * known.refill_estimate.age)
    return base, min(180.0, max(60.0, 30 * mean / rate), age)
