"""Learns a quota from throttles alone; one controller for each quota (pure)."""

from collections.abc import Callable
from dataclasses import dataclass

from ratelimit.discovery.bucket import Bucket
from ratelimit.discovery.knowledge import Kind, Knowledge
from ratelimit.discovery.learned import FORGOTTEN, Learned, Remembered, resume, shown
from ratelimit.discovery.probe import Probe
from ratelimit.discovery.ramp import Ramp
from ratelimit.discovery.state import Finding, FoundBucket, FoundWindow, State, Stopped, Throttle
from ratelimit.discovery.unlimited import Unlimited
from ratelimit.discovery.window import Window

MAX_ROUND_TRIP = 5.0
"""Seconds: a throttle that took longer is an exception and says nothing about the next ones."""
NEWS = 0.1
"""Relative change of a quota that is worth reporting to a person."""
QUIET = 300.0
"""Seconds after a report in which a new search is not reported; its result is, if it differs."""


@dataclass(frozen=True, slots=True)
class QuotaUpdate:
    """The quota that a controller works with has changed."""

    old: float | None
    new: float | None
    """Per minute; None while it is being measured."""
    kind: Kind | None
    reason: str
    """A text for a person: "token bucket, refills 598 a minute". Empty if the change is not worth reporting."""


UpdateListener = Callable[[QuotaUpdate], None]


def noop(_change: QuotaUpdate) -> None: ...


class Controller:
    """A Learner: ramps up to the first throttle, probes how the quota refills, then keeps to the estimate.

    `wait` is a query although time alone changes the state (a probe that was not throttled in time has passed): each
    method first catches up, and a change takes effect at the time it was due, so when you ask makes no difference.
    """

    def __init__(self, remembered: Remembered | None = None) -> None:
        """`remembered` from an earlier run is where this one starts, unless it is too old."""
        if remembered is not None and remembered.age >= FORGOTTEN:
            remembered = None
        self.limit = float("inf")
        self.known = Knowledge()
        self.learned = remembered.learned if remembered is not None else None
        """What the last throttles showed; before the first, what was remembered."""
        self.on_change: UpdateListener = noop
        """Called at each change of the quota."""
        self.state: State = Ramp(self.known)
        self._remembered = remembered
        """Used by the first call, which sets the clock."""
        self._resumed_at = -float("inf")
        self._assumed_kind = self.learned.kind if self.learned else None
        """Reported as the kind of a remembered window until this run has measured it."""
        self._per_minute: float | None = None
        self._reported: Learned | None = None
        self._reported_at = -float("inf")

    @classmethod
    def unlimited(cls) -> "Controller":
        """For a quota configured as `none`: no limit until the first throttle."""
        controller = cls()
        controller.state = Unlimited(controller.known)
        return controller

    @classmethod
    def after_throttle(cls, known: Knowledge, throttle: Throttle, rate: float, now: float) -> "Controller":
        """Starts by probing, after this throttle at `rate` a second; `known` has the calls of the last minute."""
        controller = cls()
        known.round_trip = max(known.round_trip, min(now - throttle.at, MAX_ROUND_TRIP))
        controller.known = known
        controller.state = Probe.after(known, Stopped(throttle, rate), now)
        return controller

    def wait(self, now: float, cost: float = 1.0) -> float:
        self._catch_up(now)
        return self.state.wait(now, cost) if cost else 0.0

    def take(self, now: float, cost: float = 1.0) -> None:
        if cost:
            self._catch_up(now)
            self.known.sent(now, cost)
            self.state.sent(now, cost)
            if self._per_minute and self.known.limit > (1 + NEWS) * self._per_minute and isinstance(self.state, Window):
                self._learn(now, quietly=True)  # the trial goes on; its end is reported

    def correct(self, now: float, taken_at: float, delta: float) -> None:
        self._catch_up(now)
        self.known.log.credit(now, taken_at, delta)
        self.state.credited(taken_at, delta)

    def throttled(self, now: float, taken_at: float, cost: float) -> None:
        self._catch_up(now)
        known = self.known
        known.log.throttle(taken_at, cost)
        known.round_trip = max(0.9 * known.round_trip, min(now - taken_at, MAX_ROUND_TRIP))
        if taken_at <= self._resumed_at:
            return
        if (finding := self.state.throttled(now, Throttle(taken_at, cost))) is not None:
            self._move(finding, now)
        elif isinstance(self.state, Window):
            self._learn(now)  # its limit may have changed

    def resume(self, now: float, since: float) -> None:
        """What was admitted since then measures nothing."""
        self.known.refill_estimate.line.clear()

    def _catch_up(self, now: float) -> None:
        if self._remembered is not None:
            remembered, self._remembered = self._remembered, None
            self.state = resume(self.known, remembered, now)
            self._report(now, remembered.learned, f"{_named(remembered.learned)}, learned {_ago(remembered.age)}")
        elif (due := self.state.deadline) <= now and (finding := self.state.on_deadline()) is not None:
            self._move(finding, due)

    def _move(self, finding: Finding, now: float) -> None:
        match finding:
            case Stopped(_, rate):
                before, self.state = self.state, Probe.after(self.known, finding, now)
                search = isinstance(before, Ramp | Unlimited)
                if search or (isinstance(before, Window) and now - self._reported_at > QUIET):
                    self._report(now, None, f"throttled at {shown(60 * rate)} a minute: measuring the quota")
                return
            case FoundBucket(block):
                self.state, self._resumed_at = Bucket.after(self.known, block), block.survivor
            case FoundWindow():
                self.state, self._resumed_at = Window.after(self.known, finding, now), now
        self._assumed_kind = None
        self._learn(now)

    def _learn(self, now: float, *, quietly: bool = False) -> None:
        known = self.known
        match self.state:
            case Bucket() if known.refill_estimate.rate is not None and known.refill_estimate.sure:
                learned = Learned(Kind.BUCKET, 60 * known.refill_estimate.rate, known.mean)
            case Window(kind=kind):
                learned = Learned(self._assumed_kind or kind, known.limit, known.mean)
            case _:
                return
        self.learned = learned
        self._report(now, learned, "" if quietly else _news(self._reported, learned))

    def _report(self, now: float, learned: Learned | None, reason: str) -> None:
        if reason:
            self._reported, self._reported_at = learned, now
        before, self._per_minute = self._per_minute, learned.per_minute if learned else None
        self.on_change(QuotaUpdate(before, self._per_minute, learned.kind if learned else None, reason))


def _news(reported: Learned | None, learned: Learned) -> str:
    if reported is None or reported.kind is not learned.kind:
        return _named(learned)
    if abs(learned.per_minute - reported.per_minute) <= NEWS * reported.per_minute:
        return ""
    return f"{'grew' if learned.per_minute > reported.per_minute else 'fell'} to {shown(learned.per_minute)} a minute"


def _named(learned: Learned) -> str:
    amount = shown(learned.per_minute)
    if learned.kind is Kind.BUCKET:
        return f"token bucket, refills {amount} a minute"
    return f"{learned.kind} window of {amount} a minute"


def _ago(seconds: float) -> str:
    for unit, name in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= unit:
            number = round(seconds / unit)
            return f"{number} {name}{'s' * (number != 1)} ago"
    return "just now"
