"""What a controller has learned, and how another one starts from it (pure)."""

import math
from dataclasses import dataclass

from ratelimit.discovery.bucket import Bucket
from ratelimit.discovery.knowledge import MARGIN, WINDOW, Kind, Knowledge
from ratelimit.discovery.window import TRY_AFTER, UnseenCalls, Window

FORGOTTEN = 30 * 86_400.0
"""Seconds after which a learned quota is not used any more: quotas are raised by request, and lowered when unused."""
MIN_START = 0.5
"""Share of the rate to start at just before it is forgotten; from there it is found again as fast as by the ramp."""
BUCKET_START = 0.97
"""Share of a bucket's rate to start at: it is exact to a percent or two, and any excess is throttled call by call."""
PLATEAU = 10.0
"""Seconds before trying more than a bucket's rate learned just now: time for the first answers."""
MAX_RECALLED_CALLS = 1000
"""Number of calls that stand for those of the minute before."""
CLIMB = 4.0
"""Seconds: as fast as the ramp, to empty early a bucket that filled up in a break. Doubles the rate in 17 s."""


@dataclass(frozen=True, slots=True)
class Learned:
    kind: Kind
    per_minute: float
    mean: float
    """Cost of a call."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """A quota learned by an earlier run."""

    learned: Learned
    age: float
    """Seconds since it was learned."""
    idle: float = math.inf
    """Seconds since any run last used the quota."""


def resume(known: Knowledge, remembered: Remembered, now: float) -> Bucket | Window:
    """Start from a remembered quota: the older it is, the lower, and the sooner more is tried.

    The boundary of a fixed window is not remembered. A sliding window of the same size is safe for both: no minute gets
    more than its quota; and the first trial shows which it is.
    """
    learned, trust = remembered.learned, 1.0 - remembered.age / FORGOTTEN
    per_minute = learned.per_minute * (MIN_START + (1 - MIN_START) * trust)
    known.mean = learned.mean
    if learned.kind is Kind.BUCKET:
        known.kind, known.rate = Kind.BUCKET, per_minute / 60
        known.base = base = BUCKET_START * known.rate
        return Bucket(known, base, PLATEAU * trust, max(CLIMB, 4 * known.mean / base))
    # Plus half a call: rounded down, a small quota would lose a whole one.
    known.kind, known.limit = Kind.SLIDING, max(per_minute + 0.5 * known.mean, 1.01 * known.mean)
    _recall_calls(known, now, remembered.idle)
    return Window(
        known, Kind.SLIDING, now, TRY_AFTER * trust,
        _last_throttle=now, _resumed_at=now, unseen=UnseenCalls(until=now + WINDOW + MARGIN),
    )  # fmt: skip


def _recall_calls(known: Knowledge, now: float, idle: float) -> None:
    """Log the calls of an earlier run that are still in the window: evenly spread, as many as it can have held."""
    steps = min(known.limit / known.mean, MAX_RECALLED_CALLS)
    for number in range(math.floor(steps * max(0.0, 1 - idle / WINDOW))):
        known.log.add(now - WINDOW + (number + 1) * WINDOW / steps, known.limit / steps)


def figure(amount: float) -> float:
    """Rounded to three digits; the estimate is not more exact."""
    return round(amount, 2 - math.floor(math.log10(amount))) if amount > 0 else 0.0


def shown(amount: float) -> str:
    """`figure` as text."""
    rounded = figure(amount)
    return f"{rounded:,.0f}" if rounded >= 100 else f"{rounded:g}"
