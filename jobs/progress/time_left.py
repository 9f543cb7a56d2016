"""Estimates the time left of a run (pure)."""

from typing import NamedTuple

from jobs.progress.rate_window import UnitRate
from jobs.progress.snapshot import Snapshot

MIN_ELAPSED = 2.0
"""Seconds of a run before the first estimate."""
MIN_SPAN, MAX_SPAN = 10.0, 50.0
"""Bounds for the seconds of answers (10 + 2 x latency) before the recent rate is used."""


class CallTimes(NamedTuple):
    """When calls were sent, on the run's clock, in seconds."""

    now: float
    first_call: float
    """`now` before the first call, like `last_call`."""
    last_call: float
    outage_seconds: float
    """Total of the outages that ended."""


def time_left(shot: Snapshot, timing: CallTimes, rate: UnitRate, tokens_per_call: float) -> float | None:
    """Seconds to the end of the run; None if unknown.

    While no unit needed a call, reading decides: elapsed time x work left / work done. Then it is the maximum of what
    the quotas allow, what the recent rate gives (lower than the quota if others use it too), and the current pause.
    """
    now, first_call, last_call, outage_seconds = timing
    fraction = shot.fraction
    if shot.stopping or not fraction or fraction >= 1 or shot.elapsed < MIN_ELAPSED:
        return None
    if not shot.units_done:
        return (shot.elapsed - outage_seconds) * (1 - fraction) / fraction
    # Assumes that unread documents need as many units per byte as those read so far.
    units = round(shot.units_done * (1 - fraction) / fraction)
    unsent = max(0, units - shot.in_flight)
    last_latency = shot.latency if unsent else max(0.0, shot.latency - (now - last_call))
    seconds = rate.seconds_per_unit(now, min(MIN_SPAN + 2 * shot.latency, MAX_SPAN))
    if seconds is not None:
        by_rate = units * seconds
    else:  # with few answers, the calls in flight count for the rate as well
        started = shot.units_done + shot.in_flight
        by_rate = unsent * (now - first_call - outage_seconds) / started + last_latency
    return max(_seconds_by_quota(shot, unsent, tokens_per_call) + last_latency, by_rate, shot.next_call)


def _seconds_by_quota(shot: Snapshot, calls: int, tokens_per_call: float) -> float:
    """The minimum time for these calls under the known quotas; 0.0 without one."""
    costs = (shot.quota.rpm, 1.0), (shot.quota.tpm, tokens_per_call)
    return max(calls * cost * 60 / per_minute if per_minute else 0.0 for per_minute, cost in costs)
