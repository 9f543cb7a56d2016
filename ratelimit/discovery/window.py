"""A fixed or sliding window of a minute: the client counts as the server does, and now and then tries one call more."""

import math
from dataclasses import dataclass, field

from ratelimit.discovery.knowledge import MARGIN, MIN_VERDICT_TIME, WINDOW, Kind, Knowledge
from ratelimit.discovery.pacer import Pacer
from ratelimit.discovery.state import Finding, FoundWindow, State, Stopped, Throttle

RATE = {Kind.SLIDING: 1.05, Kind.FIXED: 3.5}
"""Of limit / 60: a sliding window is used evenly, a fixed one early, as its end is uncertain."""
CATCH_UP = 2.0
"""Extra rate of an empty sliding window, of limit / 60: a pause or another quota has left it room."""
TRY_UNTIL = 45.0
"""Seconds into a fixed window after which nothing is tried: the next window would answer."""
TRY_AFTER = 90.0
"""Seconds after a throttle until more is tried: a doubled quota is found within 120 s."""
MAX_TRY_AFTER = 330.0
"""The same at most, where a minute has so few calls that each trial is a large part of them."""
TRY_AFTER_SURPRISE = 10.0
"""The same after an unplanned throttle, or while the kind of window is in doubt."""
LONG_BLOCK = 3.0
"""Seconds of throttles, and MANY_CALLS a minute: it may be a fixed window, and finding out costs little."""
MANY_CALLS = 300
SHARED = 0.98
"""Factor on the limit after unplanned throttles in a row: others use the quota too, so leave them some room."""
GREW = 0.4
"""Calls beyond a limit that show that it is larger: it was estimated to half a call, and may be one too low."""
MAX_PAUSE = 15.0
"""Seconds after an unplanned throttle."""
MAX_TRIAL_INTERVAL = 800.0
"""Seconds; doubles up to this while trials find nothing."""


@dataclass(slots=True)
class _Trial:
    """Calls beyond the limit, more and more, until one is throttled."""

    before: float
    """The limit before the trial."""
    raised_at: float
    """When the limit was last raised, for a call sent then."""
    ends_at: float
    """When it ends without a result: late in a fixed window."""
    step: float = 1.0
    """Calls by which the limit is raised next."""
    grew: int = 0


@dataclass(slots=True)
class UnseenCalls:
    """Calls in a sliding window that are not in our log: sent before we started, they leave it within a minute."""

    until: float = -math.inf
    """When the last of them has left."""
    amount: float = 0.0
    """Their sum at the last throttle."""
    at: float = 0.0
    """When that was."""

    def measured(self, now: float, amount: float) -> None:
        """A throttle shows this amount."""
        self.amount, self.at = max(0.0, amount), now

    def remaining(self, now: float) -> float:
        """What is still in the window, if they leave evenly."""
        return self.amount * (self.until - now) / (self.until - self.at) if self.amount and now < self.until else 0.0

    def seconds_until_left(self, now: float, amount: float) -> float:
        """Seconds until `amount` has left, or all of it; 0.0 if there is none."""
        remaining = self.remaining(now)
        return (self.until - now) * min(1.0, amount / remaining) if remaining else 0.0


@dataclass(slots=True)
class Window(State):
    """Sends while the window's sum, the next call included, is within `known.limit`."""

    known: Knowledge
    kind: Kind
    start: float
    """When a fixed window began."""
    try_after: float
    """Seconds after a throttle until more is tried."""
    _last_throttle: float
    _trial: _Trial | None = None
    _surprises: int = 0
    """Unplanned throttles in a row."""
    _surprised_at: float = -math.inf
    _paused_until: float = -math.inf
    _resumed_at: float = -math.inf
    _pacer: Pacer = field(default_factory=Pacer)
    unseen: UnseenCalls = field(default_factory=UnseenCalls)

    @classmethod
    def after(cls, known: Knowledge, found: FoundWindow, now: float) -> "Window":
        """The state after a long block."""
        block = found.block
        start = block.survivor
        if known.kind is Kind.FIXED and known.boundary is not None and (start - known.boundary) % WINDOW < 16.0:
            start = known.boundary
        known.stops.clear()
        known.kind, known.limit = found.kind, max(found.limit, 1.01 * known.mean)
        known.boundary = start if found.kind is Kind.FIXED else None
        try_after = TRY_AFTER if found.certain else 0.0
        long = block.survivor - block.stopped.first.at > LONG_BLOCK
        if found.kind is Kind.SLIDING and long and found.limit > MANY_CALLS * known.mean:
            try_after = TRY_AFTER_SURPRISE
        return cls(known, found.kind, start, try_after, block.last.at, _resumed_at=now, _pacer=Pacer(now))

    @property
    def rate(self) -> float:
        """Cost a second."""
        return RATE[self.kind] * self.known.limit / WINDOW

    @property
    def deadline(self) -> float:
        return math.inf if self._trial is None else self._trial.ends_at

    def on_deadline(self) -> None:
        """End the trial."""
        trial, self._trial = self._trial, None
        if trial is not None and not trial.grew:
            self.known.limit = trial.before

    def wait(self, now: float, cost: float) -> float:
        if now < self._paused_until:
            return self._paused_until - now
        turn, room = self._pacer.wait(now), self._room(now, cost)
        if self._trial is not None:
            return max(0.0, min(room, self._trial_due - now))
        if room > 0.0 and now < self._try_until(now):
            room = min(room, max(0.0, self._trial_due - now))
            # One call early: at its turn there would be room, and no trial. Not earlier: it would be throttled.
            turn = max(0.0, turn - cost / self.rate)
        return max(turn, room)

    def sent(self, now: float, cost: float) -> None:
        self._pacer.spend(now, cost, max(self.rate, self._catch_up_rate(now)))
        if now >= self._trial_due and now < self._try_until(now) and self._exceeded(now, cost):
            self._try_more(now, cost)

    def credited(self, sent_at: float, delta: float) -> None:
        self._pacer.credit(delta, self.rate)

    def throttled(self, now: float, throttle: Throttle) -> Finding | None:
        """A trial has found the limit, or the limit is less than estimated."""
        if throttle.at <= self._resumed_at:
            return None  # of a burst that was handled already
        self._last_throttle, self._resumed_at = throttle.at, now
        trial, self._trial = self._trial, None
        if trial is not None:
            return self._trial_throttled(throttle, trial)
        return self._throttled_unplanned(now, throttle)

    @property
    def _trial_due(self) -> float:
        """When a call beyond the limit may be sent: the first of a trial, or the next one."""
        if self._trial is not None:
            return self._trial.raised_at + self.known.verdict_time
        rare = max(TRY_AFTER, TRY_AFTER * WINDOW * self.known.mean / self.known.limit)
        return self._last_throttle + min(self.try_after, MAX_TRY_AFTER, rare)

    def _try_until(self, now: float) -> float:
        return self._window_start(now) + TRY_UNTIL if self.kind is Kind.FIXED else math.inf

    def _exceeded(self, now: float, cost: float) -> bool:
        """Whether the call just sent had no room."""
        limit = self.known.limit
        return self._used(now) - max(0.0, cost - limit) > limit * (1 + 1e-9)

    def _try_more(self, now: float, cost: float) -> None:
        """Raise the limit for the call just sent, which exceeds it."""
        known, trial = self.known, self._trial
        if trial is None:
            self._trial = _Trial(known.limit, now, self._try_until(now))
            raised = cost
        else:
            trial.raised_at = now
            if self._certainly_held(now) - cost > trial.before + GREW * known.mean:
                trial.grew += 1
                trial.step = min(2 * trial.step, max(1.0, 0.02 * known.limit / known.mean))
            raised = max(cost, trial.step * known.mean)
        known.limit = max(known.limit, self._used(now) - cost) + raised

    def _trial_throttled(self, throttle: Throttle, trial: _Trial) -> Finding | None:
        known = self.known
        limit = max(trial.before, self._held_at(throttle.at) * (1 + 1e-9)) if trial.grew else trial.before
        rate = self.rate
        known.limit = limit
        if limit > 1.005 * trial.before + known.mean:
            self.try_after = max(TRY_AFTER_SURPRISE, self.try_after / 2)
        else:
            self.try_after = min(2 * max(self.try_after, 1.0), MAX_TRIAL_INTERVAL)
        if self.kind is Kind.SLIDING and limit > 1.02 * trial.before + 2 * known.mean:
            return Stopped(throttle, rate, grew=True)  # it may be a fixed window, first seen in its middle
        return None

    def _throttled_unplanned(self, now: float, throttle: Throttle) -> Finding | None:
        known = self.known
        in_a_row = now - self._surprised_at < max(3.0, 1.5 * (self._paused_until - self._surprised_at))
        self._surprises = self._surprises + 1 if in_a_row else 1
        self._surprised_at = now
        held = self._held_at(throttle.at)
        if throttle.at < self.unseen.until:
            self.unseen.measured(now, known.limit - held)
            self._paused_until = now + min(MAX_PAUSE, MIN_VERDICT_TIME * 2**self._surprises)
            return None
        if self._surprises >= 4 if self.kind is Kind.SLIDING else held < 0.3 * known.limit:
            return Stopped(throttle, self.rate)
        limit = min(known.limit, held * (1 + 1e-9))
        if self._surprises > 1:
            limit *= SHARED
        known.limit = max(limit, 1.01 * known.mean)
        self._paused_until = now + min(MAX_PAUSE, MIN_VERDICT_TIME * 2 ** (self._surprises - 1))
        self.try_after = TRY_AFTER_SURPRISE
        return None

    def _catch_up_rate(self, now: float) -> float:
        """The rate that fills a sliding window's room, slower and slower until it is used evenly."""
        limit = self.known.limit
        return limit / WINDOW * (1.0 + CATCH_UP * (1.0 - self._used(now) / limit)) if self.kind is Kind.SLIDING else 0.0

    def _used(self, now: float) -> float:
        if self.kind is Kind.FIXED:
            return self.known.log.since(self._window_start(now))
        return self.known.log.since(now - WINDOW - MARGIN) + self.unseen.remaining(now)

    def _certainly_held(self, now: float) -> float:
        """What the window holds at least: calls that may have left it prove nothing about the limit."""
        return self._used(now) if self.kind is Kind.FIXED else self.known.log.after(now - WINDOW + MARGIN / 2)

    def _held_at(self, time: float) -> float:
        """What the window held when the call sent at `time` arrived."""
        start = self._window_start(time) if self.kind is Kind.FIXED else time - WINDOW
        return self.known.log.held(start, time - 1e-9)

    def _window_start(self, now: float) -> float:
        return self.start + WINDOW * math.floor((now - self.start) / WINDOW) - 1e-9

    def _room(self, now: float, cost: float) -> float:
        """Seconds until there is room for a call of this cost, by our count."""
        used, limit = self._used(now), self.known.limit
        if used + min(cost, limit) <= limit * (1 + 1e-9):  # a sum's rounding errors must not cost a wait
            return 0.0
        if self.kind is Kind.FIXED:
            return self._window_start(now) + WINDOW - now + 0.001
        wait = self.known.log.last_to_leave(limit - cost) + WINDOW + MARGIN - now
        if (leave := self.unseen.seconds_until_left(now, used + cost - limit)) > 0.0:
            wait = min(wait, leave)
        return max(0.001, wait + 0.001)
