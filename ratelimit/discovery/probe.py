"""After a throttle: single calls tell how the server gives its quota back."""

import math
from dataclasses import dataclass, field

from ratelimit.discovery.knowledge import (
    MARGIN,
    QUICK,
    WINDOW,
    Block,
    Finding,
    FoundBucket,
    FoundWindow,
    Kind,
    Knowledge,
    Pacer,
    Stopped,
    Throttle,
)

UNEVEN = 0.02
"""Seconds by which a call may overtake one that was sent before it."""
LONGEST_GAP = 15.0
"""Seconds between two probes, at most: a window gives nothing back for up to a minute."""
LONG = 3.0
"""Seconds of throttles that a bucket of unknown rate hardly explains."""
EARLY = 1.0
"""Seconds before that: a few calls may have to pass until one proves anything."""
LONG_FOR_A_LOG = 15.0
"""Seconds of throttles that speak for a window where nothing else is known."""
ENOUGH = 6
"""Single calls that pass where a bucket explains each: then it is one."""


@dataclass(slots=True)
class Probe:
    """The head alone, after a gap that doubles with each throttle, until calls pass again.

    A bucket gives back all the time; a sliding log what was sent 60 s ago, and not one call more; a fixed window
    nothing until its end, then everything. So a short block means a bucket, and after a long one the calls that pass
    are counted: more than a bucket had time for is a window; more than a log could hold, by every throttle since the
    stop, is a fixed one; and if the log's next call is throttled exactly when it is full, it is a log.
    """

    name = "probe"
    known: Knowledge
    stopped: Stopped
    last: Throttle
    """The last throttled call, by the time of its sending."""
    gap: float = 0.0
    _pacer: Pacer = field(default_factory=Pacer)
    _pending: float | None = None
    """When the call was sent whose fate decides."""
    _since: float = 0.0
    """What counts of the calls sent later than the last throttled one."""
    _given: float = 0.0
    """What the calls sent up to then have given back since."""
    _passed: float = 0.0
    """What had been sent by then since the last throttle,"""
    _judged_by: Throttle | None = None
    """which was this one."""
    _throttled: list[Throttle] = field(default_factory=list)
    _probes_throttled: int = 0
    _survivor: float | None = None
    """When the first call was sent that passed and proves something."""
    _survivors: int = 0
    """How many single calls have passed since."""
    _shown_bucket: bool = False
    """A throttle among the survivors has shown a bucket."""
    _oldest: float = math.inf
    """When a sliding log would give its first call back: one probe goes out then, unless one is due before."""
    _holds_less_than: float = 0.0
    """A sliding log, by every throttle since the stop."""

    @classmethod
    def after(cls, known: Knowledge, stopped: Stopped, now: float) -> "Probe":
        """The state that follows a stop."""
        gap = max(QUICK, 0.25 * known.mean / stopped.pace)
        oldest = known.log.oldest_after(now - WINDOW) if known.kind is None else None
        due = math.inf if oldest is None else oldest + WINDOW + MARGIN
        probe = cls(known, stopped, stopped.first, gap, Pacer(now + gap), _throttled=[stopped.first], _oldest=due)
        probe._count_from(stopped.first)
        return probe

    @property
    def _pace(self) -> float:
        """Cost a second, where a log certainly has room: four times what it may give."""
        return 4 * self._holds_less_than / WINDOW

    def tick(self, now: float) -> Finding | None:
        """A probe that was not throttled in time has survived."""
        if self._pending is None or now < self._pending + self.known.verdict_time:
            return None
        sent_at, self._pending = self._pending, None
        return self._survived(now, sent_at)

    def wait(self, now: float, cost: float) -> float:
        """Seconds until the next probe may go, or until the verdict on this one; what was given back may go at once."""
        if self._since + cost <= self._given:
            return 0.0
        if self._pending is not None:
            return max(0.0, self._pending + self.known.verdict_time - now)
        return min(self._pacer.wait(now), max(0.0, self._oldest - now))

    def sent(self, now: float, cost: float) -> None:
        """A probe goes out; or, where a log certainly has room, one of many."""
        self._since += cost
        if self._since <= self._given:
            return
        if now >= self._oldest:
            self._oldest = math.inf
        if self._has_room(now):
            self._pacer.spend(now, cost, self._pace)
            return
        known, last = self.known, self.last
        passed = known.log.after(last.at + UNEVEN)
        if known.kind is not Kind.BUCKET and self._given > 0.5 * known.mean:
            coming = 2 * UNEVEN * known.log.credits_after(now - 1.0, sent_by=last.at)  # while the probe is on its way
            if passed < last.cost + self._given + coming:
                return  # it would prove nothing, so another one follows at once
        self._pending, self._passed, self._judged_by = now, passed, last

    def credited(self, sent_at: float, delta: float) -> None:
        """A call that was sent then took `delta` more than was reserved."""
        if sent_at <= self.last.at:
            self._given -= delta
        else:
            self._since += delta
        if self._survivor is not None:
            self._pacer.credit(delta, self._pace)

    def throttled(self, now: float, throttle: Throttle) -> Finding | None:
        """A probe was throttled, or a call that was under way when the stop came."""
        single = throttle.at == self._pending
        if single:
            self._pending = None
        if throttle.at > self.last.at:
            self._since -= throttle.cost
        finding = None
        if self._survivor is not None and throttle.at > self._survivor:
            finding = self._throttled_after_survivors(now, throttle)
        elif single:
            self._probes_throttled += 1
            self.gap = min(LONGEST_GAP, 2 * self.gap)
            self._pacer = Pacer(self._next(now))
        self._throttled.append(throttle)
        if throttle.at > self.last.at:
            self._count_from(throttle)
        return finding

    def _survived(self, now: float, sent_at: float) -> Finding | None:
        known = self.known
        if known.kind is Kind.BUCKET and known.base:
            self._pacer = Pacer(sent_at + known.mean / known.base)
        else:
            self._pacer = Pacer(now)
        if not self._proves(sent_at):
            return None
        if self._survivor is None:
            self._survivor = sent_at
        self._survivors += 1
        self._throttled = [self._tightest()]
        self._holds_less_than = self._held_with(self._throttled[0])
        if known.kind is not None and self._survivor - self.stopped.first.at > WINDOW + LONGEST_GAP:
            return self._as_before(known.kind)
        short = not self._probes_throttled or self._survivor - self.stopped.first.at < self._long()
        flowing = self._survivors >= ENOUGH and self._bucket_explains(sent_at)
        if self._shown_bucket or short or flowing:
            full = known.kind is Kind.SLIDING or (
                known.kind is Kind.FIXED and self._spent_at_stop() > 0.9 * known.limit
            )
            if (full and not self._shown_bucket) or known.seems_a_log():
                return self._window(Kind.SLIDING)
            return FoundBucket(self._block())
        if self._bucket_explains(sent_at):
            return None
        self._pacer = Pacer(now)
        if known.log.held(sent_at - WINDOW + MARGIN, sent_at) > self._holds_less_than - 0.5 * known.mean:
            return self._window(Kind.FIXED)
        return None

    def _throttled_after_survivors(self, now: float, throttle: Throttle) -> Finding | None:
        """Calls had passed after a long block, and now one is throttled: by a window that is full, or by a bucket."""
        known, survivor = self.known, self._survivor or now
        if not self._bucket_explains(throttle.at):
            if self._only_fixed_explains(throttle, survivor):
                passed = known.log.between(survivor - 1e-9, throttle.at)
                return FoundWindow(self._block(), Kind.FIXED, passed + 1e-6 * known.mean)
            return self._window(Kind.SLIDING, throttle)
        long = survivor - self.stopped.first.at > LONG_FOR_A_LOG
        if known.kind is Kind.SLIDING or (long and (known.kind is None or self._log_is_full(throttle))):
            return self._window(Kind.SLIDING, throttle)
        self._shown_bucket, self._survivor, self._survivors = True, None, 0
        self.gap /= 2
        self._pacer = Pacer(now + self.gap)
        return None

    def _only_fixed_explains(self, throttle: Throttle, survivor: float) -> bool:
        log, mean = self.known.log, self.known.mean
        if not self._log_is_full(throttle):  # a log had room: it is a fixed window that is full, if enough has passed
            before = log.between(survivor - WINDOW, self.stopped.first.at) or self._spent_at_stop()
            return log.between(survivor - 1e-9, throttle.at) > 0.5 * before
        if self.known.kind is Kind.SLIDING and not self.stopped.grew:
            return False  # a log that has become smaller throttles so as well
        # On the way to the first throttle calls may have overtaken it.
        sure = self._spent_at_stop() - 2 * mean - UNEVEN * self.stopped.pace
        return self._holds_less_than < sure  # a log would have given back sooner

    def _log_is_full(self, throttle: Throttle) -> bool:
        return self._held_with(throttle) >= self._holds_less_than - 0.5 * self.known.mean

    def _window(self, kind: Kind, *throttled_now: Throttle) -> FoundWindow:
        log, mean, block = self.known.log, self.known.mean, self._block()
        if kind is Kind.SLIDING:
            # What was held when the tightest of the throttles came is certain; what it would have taken is not.
            least = self._tightest(*throttled_now)
            return FoundWindow(block, kind, self._held_with(least) - least.cost + 1e-6 * mean)
        low = max(log.between(block.survivor - WINDOW, block.last.at), log.after(block.survivor) - mean)
        high = log.between(block.last.at - WINDOW, block.last.at)
        return FoundWindow(block, kind, low + 0.5 * mean, certain=high <= 1.02 * low + 2 * mean)

    def _as_before(self, kind: Kind) -> Finding:
        """No window throttles for so long, nor a bucket of that rate: what was known of the quota still holds."""
        if kind is Kind.BUCKET:
            self.known.refill_estimate.line.clear()
            return FoundBucket(self._block())
        return FoundWindow(self._block(), kind, self.known.limit, certain=False)

    def _block(self) -> Block:
        return Block(self.stopped, self.last, self._survivor or self.last.at, self._probes_throttled > 0)

    def _next(self, now: float) -> float:
        """When the gap is over; or sooner, if it would go just beyond what debts explain, and prove nothing."""
        explained = self.stopped.first.at + self._long() - EARLY
        if self._debts() >= LONG and now + self.gap / 4 < explained:
            return min(now + self.gap, explained)
        return now + self.gap

    def _long(self) -> float:
        """Seconds of throttles that a bucket does not explain, debts of ended calls included."""
        known = self.known
        return max(LONG, 3 * known.mean / known.base if known.base else 0.0) + self._debts()

    def _debts(self) -> float:
        """Seconds that a bucket needs for what ended calls took beyond their reservations.

        Before its rate is known, the last minute tells no more than rate + capacity / 60, at most twice the rate.
        """
        known, stop = self.known, self.stopped.first.at
        rate = (known.refill_estimate.rate if known.refill_estimate.sure else None) or known.pace_before(stop) / 2
        return max(0.0, -known.log.credits_after(stop)) / rate if rate else 0.0

    def _proves(self, sent_at: float) -> bool:
        """Whether what had been sent by then passed by a refill only.

        Ended calls gave some of it back, until the last of it arrived; and what was too little for the throttled one
        may be nearly enough. A bucket is refilled all the time, so there nothing needs a proof.
        """
        known, last = self.known, self.last
        passed = self._passed if last is self._judged_by else known.log.between(last.at + UNEVEN, sent_at)
        explained = last.cost + known.log.credits_after(last.at, sent_at + UNEVEN)
        return known.kind is Kind.BUCKET or passed >= explained - 1e-6 * known.mean

    def _bucket_explains(self, time: float) -> bool:
        """Whether a bucket that was empty at the last throttle can have let all this pass by then."""
        last = self.last.at
        refills = 2 + (time - last) / max(last - self.stopped.first.at, 1e-3)
        return self._since <= self.known.mean * refills + max(0.0, self._given)

    def _count_from(self, throttle: Throttle) -> None:
        self.last = throttle
        self._since, self._given = self.known.log.after(throttle.at), self.known.log.credits_after(throttle.at)

    def _tightest(self, *also: Throttle) -> Throttle:
        """The throttle that tells most of what a log can hold."""
        return min((*self._throttled, *also), key=self._held_with)

    def _held_with(self, throttle: Throttle) -> float:
        return self.known.log.held(throttle.at - WINDOW - MARGIN, throttle.at) + throttle.cost

    def _spent_at_stop(self) -> float:
        return self.known.spent(self.stopped.first.at)

    def _has_room(self, now: float) -> bool:
        """Whether a call needs no verdict of its own, because even a log would take it and another one."""
        if self._survivor is None or not self._probes_throttled or self._shown_bucket or self._bucket_explains(now):
            return False
        return self.known.log.between(now - WINDOW + MARGIN, now) + 2 * self.known.mean < self._holds_less_than
