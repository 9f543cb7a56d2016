"""A quota of a minute, fixed or sliding: the client keeps the same books, and now and then tries one call more."""

import math
from dataclasses import dataclass, field

from ratelimit.discovery.call_log import Since
from ratelimit.discovery.knowledge import (
    MARGIN,
    QUICK,
    WINDOW,
    Finding,
    FoundWindow,
    Kind,
    Knowledge,
    Pacer,
    Stopped,
    Throttle,
)

PACE = {Kind.SLIDING: 1.05, Kind.FIXED: 3.0}
"""Of limit / 60: a log is used evenly, a fixed window early, since nobody knows when it ends."""
CATCH_UP = 2.0
"""By how much the pace of a log is faster where it is empty: another quota, or a pause, has left it room."""
LATEST = 45.0
"""Seconds into a fixed window after which nothing is tried: the next one would answer."""
TRY_AFTER = 90.0
"""Seconds after a throttle until more is tried: a doubled quota is found within 120."""
RARELY = 330.0
"""The same at most, where a minute has so few calls that each trial would be a large part of them."""
OFTEN = 10.0
"""The same after a surprise, or while the kind of window is in doubt."""
LONG = 3.0
"""Seconds of throttles, and MANY calls a minute: it may be a fixed window, and to look costs little."""
MANY = 300
ROOM_FOR_OTHERS = 0.98
"""Of the limit after surprises in a row: others use it too, and are better not met call by call."""
GREW = 0.4
"""Calls beyond a limit that show that it is larger: it was estimated to half a call, where it may be one too low."""
LONGEST_PAUSE = 15.0
"""Seconds after such a surprise."""


@dataclass(slots=True)
class _Trial:
    """Calls beyond the limit, more and more, until one is throttled."""

    before: float
    """The limit that was believed in."""
    step: float = 1.0
    """Calls by which the limit is raised next."""
    grew: int = 0
    sent_at: float = math.inf
    """When the first call was sent since the limit was raised."""


@dataclass(slots=True)
class Others:
    """What a log holds that is not in our books: calls of before we began, which leave it within a minute."""

    until: float = -math.inf
    """When the last of them has left."""
    amount: float = 0.0
    """By the last throttle,"""
    at: float = 0.0
    """which came then."""

    def found(self, now: float, amount: float) -> None:
        """A throttle shows so much."""
        self.amount, self.at = max(0.0, amount), now

    def left(self, now: float) -> float:
        """What is still there, if they leave evenly."""
        return self.amount * (self.until - now) / (self.until - self.at) if self.amount and now < self.until else 0.0

    def leave(self, now: float, amount: float) -> float:
        """Seconds until so much of it has left, or all."""
        left = self.left(now)
        return (self.until - now) * min(1.0, amount / left) if left else 0.0


@dataclass(slots=True)
class Window:
    """Sends while what counts in the window, with the next call, is within `limit`."""

    name = "window"
    known: Knowledge
    kind: Kind
    begin: float
    """When a fixed window began."""
    patience: float
    """Seconds after a throttle until more is tried."""
    _held: Since
    _held_for_sure: Since
    _last_refusal: float
    _trial: _Trial | None = None
    _in_a_row: int = 0
    _unplanned_at: float = -math.inf
    _paused_until: float = -math.inf
    _resumed_at: float = -math.inf
    _pacer: Pacer = field(default_factory=Pacer)
    others: Others = field(default_factory=Others)

    @classmethod
    def after(cls, known: Knowledge, found: FoundWindow, now: float) -> "Window":
        """The state that follows a long block."""
        block = found.block
        begin = block.survivor
        if known.kind is Kind.FIXED and known.boundary is not None and (begin - known.boundary) % WINDOW < 16.0:
            begin = known.boundary
        known.stops.clear()
        known.kind, known.limit = found.kind, max(found.limit, 1.01 * known.mean)
        known.boundary = begin if found.kind is Kind.FIXED else None
        patience = TRY_AFTER if found.certain else 0.0
        long = block.survivor - block.stopped.first.at > LONG
        if found.kind is Kind.SLIDING and long and found.limit > MANY * known.mean:
            patience = OFTEN
        return cls(
            known,
            found.kind,
            begin,
            patience,
            *known.log.running(),
            block.last.at,
            _resumed_at=now,
            _pacer=Pacer(now),
        )

    @property
    def pace(self) -> float:
        """Cost a second."""
        return PACE[self.kind] * self.known.limit / WINDOW

    def tick(self, now: float) -> Finding | None:
        """Time alone finds nothing out here."""
        return None

    def wait(self, now: float, cost: float) -> float:
        """Seconds until a call may start."""
        if now < self._paused_until:
            return self._paused_until - now
        beat, room = self._pacer.wait(now), self._room(now, cost)
        if self._trial is not None:
            return self._wait_in_trial(now, self._trial, room)
        if room <= 0.0:
            return beat
        mean, limit = self.known.mean, self.known.limit
        due = self._last_refusal + min(self.patience, RARELY, max(TRY_AFTER, TRY_AFTER * WINDOW * mean / limit))
        if self.kind is Kind.FIXED and (now - self.begin) % WINDOW >= LATEST:
            return max(beat, room)
        if now < due:
            return max(beat, min(room, due - now))
        self._trial = _Trial(limit)
        self.known.limit = max(limit, self._used(now)) + cost
        return beat

    def _wait_in_trial(self, now: float, trial: _Trial, room: float) -> float:
        if room <= 0.0:
            return 0.0
        if self.kind is Kind.FIXED and (now - self.begin) % WINDOW > LATEST:
            self._trial = None
            if not trial.grew:
                self.known.limit = trial.before
            return room
        verdict = trial.sent_at + self.known.verdict_time
        if now < verdict:
            return min(room, verdict - now)
        known = self.known
        trial.sent_at = math.inf
        if self._held_certainly(now) > trial.before + GREW * known.mean:
            trial.grew += 1
            trial.step = min(2 * trial.step, max(1.0, 0.02 * known.limit / known.mean))
        known.limit = max(known.limit, self._used(now)) + trial.step * known.mean
        return 0.0

    def sent(self, now: float, cost: float) -> None:
        """A call starts."""
        self._pacer.spend(now, cost, max(self.pace, self._catching_up(now)))
        if self._trial is not None:
            self._trial.sent_at = min(self._trial.sent_at, now)

    def credited(self, sent_at: float, delta: float) -> None:
        """A call that was sent then took `delta` more than was reserved."""
        self._pacer.credit(delta, self.pace)

    def throttled(self, now: float, throttle: Throttle) -> Finding | None:
        """A trial has found the limit, or the limit is less than it was thought to be."""
        if throttle.at <= self._resumed_at:
            return None  # of a burst that is answered already
        self._last_refusal, self._resumed_at = throttle.at, now
        trial, self._trial = self._trial, None
        if trial is not None:
            return self._trial_throttled(throttle, trial)
        return self._throttled_unplanned(now, throttle)

    def _trial_throttled(self, throttle: Throttle, trial: _Trial) -> Finding | None:
        known = self.known
        limit = max(trial.before, self._held_at(throttle.at) * (1 + 1e-9)) if trial.grew else trial.before
        pace = self.pace
        known.limit = limit
        if limit > 1.005 * trial.before + known.mean:
            self.patience = max(OFTEN, self.patience / 2)
        else:
            self.patience = min(2 * max(self.patience, 1.0), 800.0)
        if self.kind is Kind.SLIDING and limit > 1.02 * trial.before + 2 * known.mean:
            return Stopped(throttle, pace, grew=True)  # or is it a fixed window, seen in its middle?
        return None

    def _throttled_unplanned(self, now: float, throttle: Throttle) -> Finding | None:
        known = self.known
        again = now - self._unplanned_at < max(3.0, 1.5 * (self._paused_until - self._unplanned_at))
        self._in_a_row = self._in_a_row + 1 if again else 1
        self._unplanned_at = now
        held = self._held_at(throttle.at)
        if throttle.at < self.others.until:
            self.others.found(now, known.limit - held)
            self._paused_until = now + min(LONGEST_PAUSE, QUICK * 2**self._in_a_row)
            return None
        if self._in_a_row >= 4 if self.kind is Kind.SLIDING else held < 0.3 * known.limit:
            return Stopped(throttle, self.pace)
        limit = min(known.limit, held * (1 + 1e-9))
        if self._in_a_row > 1:
            limit *= ROOM_FOR_OTHERS
        known.limit = max(limit, 1.01 * known.mean)
        self._paused_until = now + min(LONGEST_PAUSE, QUICK * 2 ** (self._in_a_row - 1))
        self.patience = OFTEN
        return None

    def _catching_up(self, now: float) -> float:
        """The pace that fills a log's room, slower and slower: when it is full, it is used evenly."""
        limit = self.known.limit
        return limit / WINDOW * (1.0 + CATCH_UP * (1.0 - self._used(now) / limit)) if self.kind is Kind.SLIDING else 0.0

    def _used(self, now: float) -> float:
        if self.kind is Kind.FIXED:
            return self._held(self._began(now))
        return self._held(now - WINDOW - MARGIN) + self.others.left(now)

    def _held_certainly(self, now: float) -> float:
        """What the window holds at the least: what may have left by now would answer for the limit."""
        if self.kind is Kind.FIXED:
            return self._held(self._began(now))
        return self._held_for_sure(now - WINDOW + MARGIN / 2)

    def _held_at(self, time: float) -> float:
        """What the window held when the call of then came."""
        begin = self._began(time) if self.kind is Kind.FIXED else time - WINDOW
        return self.known.log.held(begin, time - 1e-9)

    def _began(self, now: float) -> float:
        return self.begin + WINDOW * math.floor((now - self.begin) / WINDOW) - 1e-9

    def _room(self, now: float, cost: float) -> float:
        """Seconds until there is room for a call of this cost, as far as the books tell."""
        used, limit = self._used(now), self.known.limit
        if used + min(cost, limit) <= limit:
            return 0.0
        if self.kind is Kind.FIXED:
            return self._began(now) + WINDOW - now + 0.001
        wait = self._held.sent_when_below(limit - cost) + WINDOW + MARGIN - now
        if (leave := self.others.leave(now, used + cost - limit)) > 0.0:
            wait = min(wait, leave)
        return max(0.001, wait + 0.001)
