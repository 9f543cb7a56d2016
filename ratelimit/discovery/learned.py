"""What a controller has learned, and where another one starts that remembers it (pure)."""

import math
from dataclasses import dataclass

from ratelimit.discovery.bucket import Bucket
from ratelimit.discovery.knowledge import MARGIN, WINDOW, Finding, Kind, Knowledge, Throttle
from ratelimit.discovery.window import TRY_AFTER, Others, Window

FORGOTTEN = 30 * 86_400.0
"""Seconds after which it is worth nothing: quotas are raised by request, and lowered where an account is not used."""
LEAST = 0.5
"""Of the rate, just before it is forgotten: so far it is found again as soon as it is by the ramp."""
MODEST = 0.97
"""Of a bucket's rate, at first: it was measured to a percent or two, and what is too high is throttled call by call."""
PLATEAU = 10.0
"""Seconds before a bucket's rate is tried upwards, where it was learned just now: time for the first answers."""
STEPS = 1000
"""In so many the calls of a minute are recalled, at most."""
CLIMB = 4.0
"""Seconds: as fast as the ramp, so that a bucket which is full after a pause is emptied early in the run. It reaches
twice the rate in 17 s."""


@dataclass(frozen=True, slots=True)
class Learned:
    """A quota that was found: how it comes back, and how much of it a minute."""

    kind: Kind
    per_minute: float
    mean: float
    """What a call took of it."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """What an earlier run has left. Ends `Remembering`."""

    learned: Learned
    age: float
    """Seconds since it was learned."""
    idle: float = math.inf
    """Seconds since any run used the quota last."""


@dataclass(slots=True)
class Remembering:
    """Before the first call: time begins with it."""

    name = "remembering"
    remembered: Remembered

    def tick(self, now: float) -> Remembered:
        """It ends at once."""
        return self.remembered

    def wait(self, now: float, cost: float) -> float:
        """Nothing waits here."""
        return 0.0

    def sent(self, now: float, cost: float) -> None:
        """Nothing is sent here without having asked."""

    def credited(self, sent_at: float, delta: float) -> None:
        """Nothing was sent."""

    def throttled(self, now: float, throttle: Throttle) -> Finding | None:
        """Nothing was sent."""
        return None


def resume(known: Knowledge, remembered: Remembered, now: float) -> Bucket | Window:
    """Start from what an earlier run has learned: the older it is, the lower, and the sooner more is tried.

    When a fixed minute begins is not remembered. A sliding one of the same size is right for both: no minute, whenever
    it begins, gets more than its quota; and the first trial tells which it is.
    """
    learned, trust = remembered.learned, 1.0 - remembered.age / FORGOTTEN
    per_minute = learned.per_minute * (LEAST + (1 - LEAST) * trust)
    known.mean = learned.mean
    if learned.kind is Kind.BUCKET:
        known.kind, known.rate = Kind.BUCKET, per_minute / 60
        known.base = base = MODEST * known.rate
        return Bucket(known, base, PLATEAU * trust, max(CLIMB, 4 * known.mean / base))
    # Half a call more: rounded down, a small quota would lose a whole one.
    known.kind, known.limit = Kind.SLIDING, max(per_minute + 0.5 * known.mean, 1.01 * known.mean)
    _recall_calls(known, now, remembered.idle)
    held = known.log.running()
    window = Window(known, Kind.SLIDING, now, TRY_AFTER * trust, *held, _last_refusal=now, _resumed_at=now)
    window.others = Others(until=now + WINDOW + MARGIN)
    return window


def _recall_calls(known: Knowledge, now: float, idle: float) -> None:
    """Within a minute of the earlier run its calls are still in the window: as many, evenly, as it can have held."""
    steps = min(known.limit / known.mean, STEPS)
    for number in range(math.floor(steps * max(0.0, 1 - idle / WINDOW))):
        known.log.add(now - WINDOW + (number + 1) * WINDOW / steps, known.limit / steps)


def figure(amount: float) -> float:
    """Rounded to three digits: more of it is not known."""
    return round(amount, 2 - math.floor(math.log10(amount))) if amount > 0 else 0.0


def shown(amount: float) -> str:
    """The same for a sentence."""
    rounded = figure(amount)
    return f"{rounded:,.0f}" if rounded >= 100 else f"{rounded:g}"
