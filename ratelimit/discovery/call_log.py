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
        self._sums: list[RunningSum] = []

    def add(self, now: float, cost: float) -> None:
        self._times.append(now)
        self._costs.append(cost)
        self.total += cost
        self.calls += 1
        for running in self._sums:
            running.amount += cost
        if len(self._times) >= 2 * _BATCH and self._times[_BATCH] < now - KEPT:
            for running in self._sums:
                running(self._times[_BATCH])
            del self._times[:_BATCH], self._costs[:_BATCH]
            self.dropped += _BATCH

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
        for running in self._sums:
            if index + self.dropped >= running.first:
                running.amount += delta

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

    def running_sums(self) -> tuple["RunningSum", "RunningSum"]:
        """Two sums that are kept up to date; they replace those handed out before."""
        self._sums = [RunningSum(self), RunningSum(self)]
        return self._sums[0], self._sums[1]


class RunningSum:
    """Sum of the calls sent at or after a moment that only moves forward; cheap to read again and again."""

    __slots__ = ("_log", "amount", "first")

    def __init__(self, log: CallLog) -> None:
        self._log = log
        self.first = log.dropped
        """Number of the first call in the sum, counted from the start of the log."""
        self.amount = sum(log._costs)  # noqa: SLF001 (one mechanism in two classes)

    def __call__(self, start: float) -> float:
        """The sum since `start`, or since the latest `start` given before."""
        log = self._log
        times, costs = log._times, log._costs  # noqa: SLF001
        index = max(0, self.first - log.dropped)
        while index < len(times) and times[index] < start:
            self.amount -= costs[index]
            index += 1
        self.first = index + log.dropped
        if index == len(times):
            self.amount = 0.0  # resets the rounding errors of the sum
        return self.amount

    def last_to_leave(self, max_sum: float) -> float:
        """When the last of the oldest calls was sent that must leave until the sum is at most `max_sum`."""
        log = self._log
        index, left = max(0, self.first - log.dropped), self.amount
        while index < len(log._times) - 1:  # noqa: SLF001
            left -= log._costs[index]  # noqa: SLF001
            if left <= max_sum:
                break
            index += 1
        return log._times[index]  # noqa: SLF001
