"""After a throttle: single calls show how the server refills its quota."""

import math
from dataclasses import dataclass, field

from ratelimit.discovery.knowledge import MARGIN, MIN_VERDICT_TIME, WINDOW, Kind, Knowledge
from ratelimit.discovery.pacer import Pacer
from ratelimit.discovery.state import Block, Finding, FoundBucket, FoundWindow, State, Stopped, Throttle

JITTER = 0.02
"""Seconds by which a call may overtake one sent before it."""
MAX_GAP = 15.0
"""Seconds between two probes: a window gives nothing back for up to a minute."""
LONG_BLOCK = 3.0
"""Seconds of throttles that a bucket of unknown rate hardly explains."""
EARLY = 1.0
"""Seconds before that, as a few calls may have to pass before one proves anything."""
WINDOW_BLOCK = 15.0
"""Seconds of throttles that suggest a window where nothing else is known."""
ENOUGH = 6
"""Single calls that pass and that a bucket explains, after which it is one."""


@dataclass(slots=True)
class Probe(State):
    """Sends the head of the queue alone, after a gap that doubles with each throttle, until calls pass again.

    A bucket refills all the time; a sliding window gives back what was sent 60 s ago and not one call more; a fixed
    window gives back nothing until its end, then everything. So a short block means a bucket. After a long block the
    calls that pass are counted. More than a bucket had time to refill: a window. More than a sliding window could hold,
    by every throttle since the stop: a fixed one. The next call throttled exactly when a sliding window is full: that.
    """

    known: Knowledge
    stopped: Stopped
    last: Throttle
    """The last throttled call, by the time of sending."""
    gap: float = 0.0
    _pacer: Pacer = field(default_factory=Pacer)
    _pending: float | None = None
    """When the probe was sent that has no verdict yet."""
    _since: float = 0.0
    """Sum of the calls sent after the last throttled one."""
    _credits: float = 0.0
    """What earlier calls have given back since the last throttled one was sent."""
    _passed: float = 0.0
    """What had been sent since `_judged_by` when the pending probe was sent."""
    _judged_by: Throttle | None = None
    _throttled: list[Throttle] = field(default_factory=list)
    _probes_throttled: int = 0
    _survivor: float | None = None
    """When the first call was sent that passed and proves something."""
    _survivors: int = 0
    """Single calls that have passed since."""
    _shown_bucket: bool = False
    """A throttle among the survivors has shown a bucket."""
    _oldest_leaves: float = math.inf
    """When a sliding window would give its first call back: one probe goes out then, if none is due before."""
    _holds_less_than: float = 0.0
    """A sliding window, by every throttle since the stop."""

    @classmethod
    def after(cls, known: Knowledge, stopped: Stopped, now: float) -> "Probe":
        """The state after a stop."""
        gap = max(MIN_VERDICT_TIME, 0.25 * known.mean / stopped.rate)
        oldest = known.log.oldest_after(now - WINDOW) if known.kind is None else None
        probe = cls(
            known, stopped, stopped.first, gap, Pacer(now + gap), _throttled=[stopped.first],
            _oldest_leaves=math.inf if oldest is None else oldest + WINDOW + MARGIN,
        )  # fmt: skip
        probe._count_from(stopped.first)
        return probe

    @property
    def _rate(self) -> float:
        """Cost a second where a sliding window certainly has room: four times what it can give back."""
        return 4 * self._holds_less_than / WINDOW

    @property
    def deadline(self) -> float:
        return math.inf if self._pending is None else self._pending + self.known.verdict_time

    def on_deadline(self) -> Finding | None:
        """The pending probe was not throttled in time: it has passed."""
        now, sent_at, self._pending = self.deadline, self._pending, None
        return None if sent_at is None else self._survived(now, sent_at)

    def wait(self, now: float, cost: float) -> float:
        """Until the next probe, or until the verdict on this one; what was given back may be sent at once."""
        if self._since + cost <= self._credits:
            return 0.0
        if self._pending is not None:
            return max(0.0, self.deadline - now)
        return min(self._pacer.wait(now), max(0.0, self._oldest_leaves - now))

    def sent(self, now: float, cost: float) -> None:
        """A probe; or one of many calls where a sliding window certainly has room."""
        self._since += cost
        if self._since <= self._credits:
            return
        if now >= self._oldest_leaves:
            self._oldest_leaves = math.inf
        if self._has_room(now):
            self._pacer.spend(now, cost, self._rate)
            return
        known, last = self.known, self.last
        passed = known.log.after(last.at + JITTER)
        if known.kind is not Kind.BUCKET and self._credits > 0.5 * known.mean:
            coming = 2 * JITTER * known.log.credits_after(now - 1.0, sent_by=last.at)  # while the probe travels
            if passed < last.cost + self._credits + coming:
                return  # it would prove nothing, so another one follows at once
        self._pending, self._passed, self._judged_by = now, passed, last

    def credited(self, sent_at: float, delta: float) -> None:
        if sent_at <= self.last.at:
            self._credits -= delta
        else:
            self._since += delta
        if self._survivor is not None:
            self._pacer.credit(delta, self._rate)

    def throttled(self, now: float, throttle: Throttle) -> Finding | None:
        """A probe, or a call that was in flight at the stop."""
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
            self.gap = min(MAX_GAP, 2 * self.gap)
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
        if known.kind is not None and self._survivor - self.stopped.first.at > WINDOW + MAX_GAP:
            return self._as_before(known.kind)
        short = not self._probes_throttled or self._survivor - self.stopped.first.at < self._long()
        flowing = self._survivors >= ENOUGH and self._bucket_explains(sent_at)
        if self._shown_bucket or short or flowing:
            full = known.kind is Kind.SLIDING or (
                known.kind is Kind.FIXED and self._spent_at_stop() > 0.9 * known.limit
            )
            if (full and not self._shown_bucket) or known.looks_like_a_sliding_window():
                return self._window(Kind.SLIDING)
            return FoundBucket(self._block())
        if self._bucket_explains(sent_at):
            return None
        self._pacer = Pacer(now)
        if known.log.held(sent_at - WINDOW + MARGIN, sent_at) > self._holds_less_than - 0.5 * known.mean:
            return self._window(Kind.FIXED)
        return None

    def _throttled_after_survivors(self, now: float, throttle: Throttle) -> Finding | None:
        """Calls had passed after a long block, and now one is throttled: by a full window or by a bucket."""
        known, survivor = self.known, self._survivor or now
        if not self._bucket_explains(throttle.at):
            if self._only_fixed_explains(throttle, survivor):
                passed = known.log.between(survivor - 1e-9, throttle.at)
                return FoundWindow(self._block(), Kind.FIXED, passed + 1e-6 * known.mean)
            return self._window(Kind.SLIDING, throttle)
        long = survivor - self.stopped.first.at > WINDOW_BLOCK
        if known.kind is Kind.SLIDING or (long and (known.kind is None or self._sliding_is_full(throttle))):
            return self._window(Kind.SLIDING, throttle)
        self._shown_bucket, self._survivor, self._survivors = True, None, 0
        self.gap /= 2
        self._pacer = Pacer(now + self.gap)
        return None

    def _only_fixed_explains(self, throttle: Throttle, survivor: float) -> bool:
        log, mean = self.known.log, self.known.mean
        if not self._sliding_is_full(throttle):  # so a fixed window is full, if enough has passed
            before = log.between(survivor - WINDOW, self.stopped.first.at) or self._spent_at_stop()
            return log.between(survivor - 1e-9, throttle.at) > 0.5 * before
        if self.known.kind is Kind.SLIDING and not self.stopped.grew:
            return False  # a sliding window that has shrunk throttles in the same way
        # Calls may have overtaken the first throttled one on their way.
        certain = self._spent_at_stop() - 2 * mean - JITTER * self.stopped.rate
        return self._holds_less_than < certain  # a sliding window would have given back sooner

    def _sliding_is_full(self, throttle: Throttle) -> bool:
        return self._held_with(throttle) >= self._holds_less_than - 0.5 * self.known.mean

    def _window(self, kind: Kind, *throttled_now: Throttle) -> FoundWindow:
        log, mean, block = self.known.log, self.known.mean, self._block()
        if kind is Kind.SLIDING:
            # What it held at the tightest throttle is certain; whether it could have held more is not.
            tightest = self._tightest(*throttled_now)
            return FoundWindow(block, kind, self._held_with(tightest) - tightest.cost + 1e-6 * mean)
        low = max(log.between(block.survivor - WINDOW, block.last.at), log.after(block.survivor) - mean)
        high = log.between(block.last.at - WINDOW, block.last.at)
        return FoundWindow(block, kind, low + 0.5 * mean, certain=high <= 1.02 * low + 2 * mean)

    def _as_before(self, kind: Kind) -> Finding:
        """Neither a window nor a bucket of that rate throttles for so long: the earlier estimate still holds."""
        if kind is Kind.BUCKET:
            self.known.refill_estimate.line.clear()
            return FoundBucket(self._block())
        return FoundWindow(self._block(), kind, self.known.limit, certain=False)

    def _block(self) -> Block:
        return Block(self.stopped, self.last, self._survivor or self.last.at, self._probes_throttled > 0)

    def _next(self, now: float) -> float:
        """When the gap is over; or sooner, if the probe would go just beyond what debts explain and prove nothing."""
        explained = self.stopped.first.at + self._long() - EARLY
        if self._debt_seconds() >= LONG_BLOCK and now + self.gap / 4 < explained:
            return min(now + self.gap, explained)
        return now + self.gap

    def _long(self) -> float:
        """Seconds of throttles that a bucket does not explain, debts of ended calls included."""
        known = self.known
        return max(LONG_BLOCK, 3 * known.mean / known.base if known.base else 0.0) + self._debt_seconds()

    def _debt_seconds(self) -> float:
        """Seconds that a bucket needs for what ended calls took beyond their reservations.

        Before its rate is known, the last minute shows no more than rate + capacity / 60, at most twice the rate.
        """
        known, stop = self.known, self.stopped.first.at
        rate = (known.refill_estimate.rate if known.refill_estimate.sure else None) or known.rate_before(stop) / 2
        return max(0.0, -known.log.credits_after(stop)) / rate if rate else 0.0

    def _proves(self, sent_at: float) -> bool:
        """Whether what had been sent by then can only have passed by a refill.

        Ended calls gave some of it back until the last call arrived; and what was too little for the throttled call may
        have been nearly enough. A known bucket needs no proof: it refills all the time.
        """
        known, last = self.known, self.last
        passed = self._passed if last is self._judged_by else known.log.between(last.at + JITTER, sent_at)
        explained = last.cost + known.log.credits_after(last.at, sent_at + JITTER)
        return known.kind is Kind.BUCKET or passed >= explained - 1e-6 * known.mean

    def _bucket_explains(self, time: float) -> bool:
        """Whether a bucket that was empty at the last throttle can have admitted all calls since, by `time`."""
        last = self.last.at
        refills = 2 + (time - last) / max(last - self.stopped.first.at, 1e-3)
        return self._since <= self.known.mean * refills + max(0.0, self._credits)

    def _count_from(self, throttle: Throttle) -> None:
        self.last = throttle
        self._since, self._credits = self.known.log.after(throttle.at), self.known.log.credits_after(throttle.at)

    def _tightest(self, *also: Throttle) -> Throttle:
        """The throttle that bounds a sliding window most tightly."""
        return min((*self._throttled, *also), key=self._held_with)

    def _held_with(self, throttle: Throttle) -> float:
        return self.known.log.held(throttle.at - WINDOW - MARGIN, throttle.at) + throttle.cost

    def _spent_at_stop(self) -> float:
        return self.known.spent(self.stopped.first.at)

    def _has_room(self, now: float) -> bool:
        """Whether a call needs no verdict, because even a sliding window has room for it and another one."""
        if self._survivor is None or not self._probes_throttled or self._shown_bucket or self._bucket_explains(now):
            return False
        return self.known.log.between(now - WINDOW + MARGIN, now) + 2 * self.known.mean < self._holds_less_than
