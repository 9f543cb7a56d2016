"""After a refusal: single calls tell how the server gives its quota back."""

import math
from dataclasses import dataclass, field

from ratelimit.controller.knowledge import (
    LATENESS,
    MARGIN,
    QUICK,
    WINDOW,
    Block,
    Finding,
    FoundBucket,
    FoundWindow,
    Kind,
    Knowledge,
    Refusal,
    Stopped,
)

LONGEST_GAP = 15.0
"""Seconds between two probes, at most: a window gives nothing back for up to a minute."""
LONG = 3.0
"""Seconds of refusals that a bucket of unknown rate hardly explains."""
LONG_FOR_A_LOG = 15.0
"""Seconds of refusals that speak for a window where nothing else is known."""
ENOUGH = 6
"""Single calls that pass where a bucket explains each: then it is one."""


@dataclass(slots=True)
class Probe:
    """The head alone, after a gap that doubles with each refusal, until calls pass again.

    A bucket gives back all the time; a sliding log what was sent 60 s ago, and not one call more; a fixed window
    nothing until its end, then everything. So a short block means a bucket, and after a long one the calls that pass
    are counted: more than a bucket had time for is a window; more than a log could hold, by every refusal since the
    stop, is a fixed one; and if the log's next call is refused exactly when it is full, it is a log.
    """

    name = "probe"
    known: Knowledge
    stopped: Stopped
    gap: float = 0.0
    _next: float = 0.0
    _pending: float | None = None
    """When the call was sent whose fate decides."""
    _explained: float = 0.0
    """What could pass by then without any refill: what ended calls gave back, and what was too little for the last."""
    _refused: list[Refusal] = field(default_factory=list)
    _probes_refused: int = 0
    _survivor: float | None = None
    """When the first call was sent that passed and proves something."""
    _survivors: int = 0
    """How many single calls have passed since."""
    _shown_bucket: bool = False
    """A refusal among the survivors has shown a bucket."""
    _oldest: float = math.inf
    """When a sliding log would give its first call back: one probe goes out then, unless one is due before."""
    _holds_less_than: float = 0.0
    """A sliding log, by every refusal since the stop."""

    @classmethod
    def after(cls, known: Knowledge, stopped: Stopped, now: float) -> "Probe":
        """The state that follows a stop."""
        gap = max(QUICK, 0.25 * known.mean / stopped.pace)
        oldest = known.log.oldest_after(now - WINDOW) if known.kind is None else None
        due = math.inf if oldest is None else oldest + WINDOW + MARGIN
        return cls(known, stopped, gap, now + gap, _refused=[stopped.first], _oldest=due)

    @property
    def _last(self) -> Refusal:
        return max(self._refused, key=lambda refusal: refusal.at)

    def tick(self, now: float) -> Finding | None:
        """A probe that was not refused in time has survived."""
        if self._pending is None or now < self._pending + self.known.verdict_time:
            return None
        sent_at, self._pending = self._pending, None
        return self._survived(now, sent_at)

    def wait(self, now: float, cost: float) -> float:
        """Seconds until the next probe may go, or until the verdict on this one."""
        if self._pending is not None:
            return max(0.0, self._pending + self.known.verdict_time - now)
        return max(0.0, min(self._next, self._oldest) - now)

    def sent(self, now: float, cost: float) -> None:
        """A probe goes out; or, where a log certainly has room, one of many."""
        if now >= self._oldest:
            self._oldest = math.inf
        given, last = self._credits(), self._last
        if given > 0.5 * self.known.mean and self.known.log.after(last.at) < last.cost + given:
            self._next = max(self._next, now - LATENESS) + cost / self.stopped.pace
        elif self._has_room(now):
            self._next = max(self._next, now - LATENESS) + cost * WINDOW / (4 * self._holds_less_than)
        else:
            self._pending, self._explained = now, last.cost + given

    def credited(self, delta: float) -> None:
        """A call ended; the log knows it."""

    def refused(self, now: float, refusal: Refusal) -> Finding | None:
        """A probe was refused, or a call that was under way when the stop came."""
        single = refusal.at == self._pending
        if single:
            self._pending = None
        finding = None
        if self._survivor is not None and refusal.at > self._survivor:
            finding = self._refused_after_survivors(now, refusal)
        elif single:
            self._probes_refused += 1
            self.gap = min(LONGEST_GAP, 2 * self.gap)
            self._next = now + self.gap
        self._refused.append(refusal)
        return finding

    def _survived(self, now: float, sent_at: float) -> Finding | None:
        known, last = self.known, self._last
        if known.kind is Kind.BUCKET and known.base:
            self._next = sent_at + known.mean / known.base
        else:
            self._next = now
        if known.log.between(last.at, sent_at) < self._explained - 1e-6 * known.mean:
            return None
        if self._survivor is None:
            self._survivor = sent_at
        self._survivors += 1
        self._holds_less_than = min(map(self._held_with, self._refused))
        if known.kind is not None and self._survivor - self.stopped.first.at > WINDOW + LONGEST_GAP:
            return self._as_before(known.kind)
        short = not self._probes_refused or self._survivor - self.stopped.first.at < self._long()
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
        self._next = now
        if known.log.between(now - WINDOW + MARGIN, now) > self._holds_less_than - 0.5 * known.mean:
            return self._window(Kind.FIXED)
        return None

    def _refused_after_survivors(self, now: float, refusal: Refusal) -> Finding | None:
        """Calls had passed after a long block, and now one is refused: by a window that is full, or by a bucket."""
        known, survivor = self.known, self._survivor or now
        if not self._bucket_explains(refusal.at):
            if self._only_fixed_explains(refusal, survivor):
                passed = known.log.between(survivor - 1e-9, refusal.at)
                return FoundWindow(self._block(), Kind.FIXED, passed + 1e-6 * known.mean)
            return self._window(Kind.SLIDING, refusal)
        long = survivor - self.stopped.first.at > LONG_FOR_A_LOG
        if known.kind is Kind.SLIDING or (long and (known.kind is None or self._log_is_full(refusal))):
            return self._window(Kind.SLIDING, refusal)
        self._shown_bucket, self._survivor, self._survivors = True, None, 0
        self.gap /= 2
        self._next = now + self.gap
        return None

    def _only_fixed_explains(self, refusal: Refusal, survivor: float) -> bool:
        log, mean = self.known.log, self.known.mean
        if not self._log_is_full(refusal):  # a log had room: it is a fixed window that is full, if enough has passed
            return log.between(survivor - 1e-9, refusal.at) > 0.5 * log.between(
                survivor - WINDOW, self.stopped.first.at
            )
        if self.known.kind is Kind.SLIDING and not self.stopped.grew:
            return False  # a log that has become smaller refuses so as well
        return self._holds_less_than < self._spent_at_stop() - 2 * mean  # a log would have given back sooner

    def _log_is_full(self, refusal: Refusal) -> bool:
        return self._held_with(refusal) >= self._holds_less_than - 0.5 * self.known.mean

    def _window(self, kind: Kind, *refused_now: Refusal) -> FoundWindow:
        log, mean, block = self.known.log, self.known.mean, self._block()
        if kind is Kind.SLIDING:
            # What was held when the tightest of the refusals came is certain; what it would have taken is not.
            least = min((*self._refused, *refused_now), key=self._held_with)
            return FoundWindow(block, kind, self._held_with(least) - least.cost + 1e-6 * mean)
        low = log.between(block.survivor - WINDOW, block.last.at)
        high = log.between(block.last.at - WINDOW, block.last.at)
        return FoundWindow(block, kind, low + 0.5 * mean, certain=high <= 1.02 * low + 2 * mean)

    def _as_before(self, kind: Kind) -> Finding:
        """No window refuses for so long, nor a bucket of that rate: what was known of the quota still holds."""
        if kind is Kind.BUCKET:
            self.known.anchors.line.clear()
            return FoundBucket(self._block())
        return FoundWindow(self._block(), kind, self.known.limit, certain=False)

    def _block(self) -> Block:
        return Block(self.stopped, self._last, self._survivor or self._last.at, self._probes_refused > 0)

    def _long(self) -> float:
        """Seconds of refusals that a bucket does not explain, debts of ended calls included.

        Before its rate is known, the last minute tells no more than rate + capacity / 60, at most twice the rate.
        """
        known, stop = self.known, self.stopped.first.at
        rate = known.base or known.spent(stop) / WINDOW / 2
        debts = max(0.0, -known.log.credits_after(stop)) / rate if rate else 0.0
        return max(LONG, 3 * known.mean / known.base if known.base else 0.0) + debts

    def _credits(self) -> float:
        return max(0.0, self.known.log.credits_after(self._last.at))

    def _bucket_explains(self, time: float) -> bool:
        """Whether a bucket that was empty at the last refusal can have let all this pass by then."""
        last = self._last.at
        refills = 2 + (time - last) / max(last - self.stopped.first.at, 1e-3)
        return self.known.log.after(last) <= self.known.mean * refills + self._credits()

    def _held_with(self, refusal: Refusal) -> float:
        return self.known.log.between(refusal.at - WINDOW - MARGIN, refusal.at) + refusal.cost

    def _spent_at_stop(self) -> float:
        return self.known.spent(self.stopped.first.at)

    def _has_room(self, now: float) -> bool:
        """Whether a call needs no verdict of its own, because even a log would take it and another one."""
        if self._survivor is None or not self._probes_refused or self._shown_bucket or self._bucket_explains(now):
            return False
        return self.known.log.between(now - WINDOW + MARGIN, now) + 2 * self.known.mean < self._holds_less_than
