"""The calls of the last minutes that were not throttled: the evidence from which a quota is estimated."""

import math
from bisect import bisect_left, bisect_right

KEPT = 200.0
"""Seconds for which calls are kept, more than any look back (a window of 60 s, from before a block of 60 s)."""
_BATCH = 4096


class CallLog:
    """Calls in the order of sending, each with what it counts: its reservation, corrected once when it ends.

    A throttled call counts nothing.
    """

    def __init__(self) -> None:
        self.total = 0.0
        """Sum of all calls ever logged, net of what was given back."""
        self.calls = 0
        """Number of calls that were not throttled."""
        self.dropped = 0
        """Number of old calls that are no longer kept."""
        self._times: list[float] = []
        self._costs: list[float] = []
        self._credit_times: list[float] = []
        self._credits: list[float] = []
        self._credited: list[float] = []
        self._start = -math.inf
        """The latest argument of `since`."""
        self._first = 0
        """Number of the first call at or after it, counted from the start of the log."""
        self._sum = 0.0
        """Of the calls from that one on."""

    def add(self, now: float, cost: float) -> None:
        self._times.append(now)
        self._costs.append(cost)
        self.total += cost
        self.calls += 1
        self._sum += cost
        if len(self._times) >= 2 * _BATCH and self._times[_BATCH] < now - KEPT:
            self._sum -= sum(self._costs[self._first - self.dropped : _BATCH])
            del self._times[:_BATCH], self._costs[:_BATCH]
            self.dropped += _BATCH
            self._first = max(self._first, self.dropped)

    def credit(self, now: float, sent_at: float, delta: float) -> None:
        """A call has ended and counts `delta` more (usually less) than it had reserved."""
        self._change(sent_at, delta)
        self._credit_times.append(now)
        self._credits.append(-delta)
        self._credited.append(sent_at)
        if len(self._credits) >= 2 * _BATCH and self._credit_times[_BATCH] < now - KEPT:
            del self._credit_times[:_BATCH], self._credits[:_BATCH], self._credited[:_BATCH]

    def throttle(self, sent_at: float, cost: float) -> None:
        """A call was throttled: it counts nothing."""
        self._change(sent_at, -cost)
        self.calls -= 1

    def _change(self, sent_at: float, delta: float) -> None:
        self.total += delta
        index = bisect_left(self._times, sent_at)
        if index == len(self._times) or self._times[index] != sent_at:
            return  # too old
        self._costs[index] += delta  # of several calls at one instant any will do: only sums are used
        if index + self.dropped >= self._first:
            self._sum += delta

    def between(self, after: float, until: float) -> float:
        """Sum of the calls sent in (after, until]."""
        return sum(self._costs[bisect_right(self._times, after) : bisect_right(self._times, until)])

    def held(self, after: float, until: float) -> float:
        """Sum of the calls sent in (after, until] as it was at `until`: later credits were still reserved."""
        return self.between(after, until) + self.credits_after(until)

    def after(self, time: float) -> float:
        """Sum of the calls sent after `time`."""
        return sum(self._costs[bisect_right(self._times, time) :])

    def count_after(self, time: float) -> int:
        """Number of calls sent after `time`, throttled ones included."""
        return len(self._times) - bisect_right(self._times, time)

    def credits_after(self, time: float, until: float = math.inf, *, sent_by: float | None = None) -> float:
        """What calls sent by `time` (or by `sent_by`) gave back in (time, until]; negative if they took more.

        Calls sent later already count net, so their credits would count twice.
        """
        first, end = (bisect_right(self._credit_times, moment) for moment in (time, until))
        latest = time if sent_by is None else sent_by
        later = zip(self._credits[first:end], self._credited[first:end], strict=True)
        return sum(credit for credit, sent_at in later if sent_at <= latest)

    def total_at(self, time: float) -> float:
        """The total as it was at `time`, less what was throttled since."""
        return self.total - self.after(time) + self.credits_after(time)

    def oldest_after(self, time: float) -> float | None:
        """When the first call after `time` was sent."""
        index = bisect_right(self._times, time)
        return self._times[index] if index < len(self._times) else None

    def since(self, start: float) -> float:
        """Sum of the calls sent at or after `start`; cheap while `start` only moves forward."""
        if start < self._start:
            self._first, self._sum = self.dropped, sum(self._costs)
        self._start = start
        index = self._first - self.dropped
        while index < len(self._times) and self._times[index] < start:
            self._sum -= self._costs[index]
            index += 1
        self._first = index + self.dropped
        if index == len(self._times):
            self._sum = 0.0  # resets the rounding errors of the sum
        return self._sum

    def last_to_leave(self, max_sum: float) -> float:
        """When the last of the oldest calls was sent that must leave until the sum of `since` is at most `max_sum`."""
        index, left = self._first - self.dropped, self._sum
        while index < len(self._times) - 1:
            left -= self._costs[index]
            if left <= max_sum:
                break
            index += 1
        return self._times[index]
