"""What was sent and not throttled, in the last minutes: the evidence that a quota is found from."""

import math
from bisect import bisect_left, bisect_right

KEPT = 200.0
"""Seconds of calls that are kept: more than anybody looks back (a window of 60 s, once during a block of 60 s)."""
_BATCH = 4096


class CallLog:
    """Calls in the order of their sending, each with what it counts: reserved first, corrected once it has ended.

    A throttled call counts nothing.
    """

    def __init__(self) -> None:
        self.total = 0.0
        """All that was ever charged and not given back."""
        self.calls = 0
        """How many calls were not throttled."""
        self.dropped = 0
        """How many of the oldest are no longer kept."""
        self._times: list[float] = []
        self._costs: list[float] = []
        self._credit_times: list[float] = []
        self._credits: list[float] = []
        self._credited: list[float] = []
        self._sums: list[Since] = []

    def add(self, now: float, cost: float) -> None:
        """A call was sent."""
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
        """A call has ended and counts `delta` more (mostly negative) than was reserved for it."""
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
            return  # too old to matter
        self._costs[index] += delta  # of several at one instant any: only sums are asked for
        for running in self._sums:
            if index + self.dropped >= running.first:
                running.amount += delta

    def between(self, after: float, until: float) -> float:
        """What counts of the calls sent in (after, until]."""
        return sum(self._costs[bisect_right(self._times, after) : bisect_right(self._times, until)])

    def held(self, after: float, until: float) -> float:
        """What the calls sent in (after, until] counted then: what they gave back later was still reserved."""
        return self.between(after, until) + self.credits_after(until)

    def after(self, time: float) -> float:
        """What counts of the calls sent later than this."""
        return sum(self._costs[bisect_right(self._times, time) :])

    def count_after(self, time: float) -> int:
        """How many calls were sent later than this, the throttled included."""
        return len(self._times) - bisect_right(self._times, time)

    def credits_after(self, time: float, until: float = math.inf, *, sent_by: float | None = None) -> float:
        """What calls sent by then (or by another time) gave back later than that; negative if they took more.

        Those sent since count what they took: to count what they gave back as well would count it twice.
        """
        first, end = (bisect_right(self._credit_times, moment) for moment in (time, until))
        latest = time if sent_by is None else sent_by
        later = zip(self._credits[first:end], self._credited[first:end], strict=True)
        return sum(back for back, sent_at in later if sent_at <= latest)

    def total_at(self, time: float) -> float:
        """The total as it stood then, less what was throttled since."""
        return self.total - self.after(time) + self.credits_after(time)

    def oldest_after(self, time: float) -> float | None:
        """When the first call later than this was sent."""
        index = bisect_right(self._times, time)
        return self._times[index] if index < len(self._times) else None

    def running(self) -> tuple["Since", "Since"]:
        """Two sums that are kept up to date, instead of those that were handed out before."""
        self._sums = [Since(self), Since(self)]
        return self._sums[0], self._sums[1]


class Since:
    """What counts of the calls sent at or after a moment that only moves on; cheap to ask again and again."""

    __slots__ = ("_log", "amount", "first")

    def __init__(self, log: CallLog) -> None:
        self._log = log
        self.first = log.dropped
        """The number of the first call in it, since the log was begun."""
        self.amount = sum(log._costs)  # noqa: SLF001 (one mechanism in two classes)

    def __call__(self, start: float) -> float:
        """What counts since `start`; an earlier start than the latest one seen counts as that."""
        log = self._log
        times, costs = log._times, log._costs  # noqa: SLF001
        index = max(0, self.first - log.dropped)
        while index < len(times) and times[index] < start:
            self.amount -= costs[index]
            index += 1
        self.first = index + log.dropped
        if index == len(times):
            self.amount = 0.0  # without the rounding errors of the sum
        return self.amount

    def sent_when_below(self, most: float) -> float:
        """When the last of those oldest calls was sent without which no more than `most` would be left."""
        log = self._log
        index, left = max(0, self.first - log.dropped), self.amount
        while index < len(log._times) - 1:  # noqa: SLF001
            left -= log._costs[index]  # noqa: SLF001
            if left <= most:
                break
            index += 1
        return log._times[index]  # noqa: SLF001
