"""Finds a quota that nobody told, from throttles alone; one controller for each quota (pure)."""

from collections.abc import Callable
from dataclasses import dataclass

from ratelimit.discovery.bucket import Bucket
from ratelimit.discovery.knowledge import Finding, FoundBucket, FoundWindow, Kind, Knowledge, Stopped, Throttle
from ratelimit.discovery.learned import FORGOTTEN, Learned, Remembered, Remembering, resume, shown
from ratelimit.discovery.probe import Probe
from ratelimit.discovery.ramp import Ramp
from ratelimit.discovery.unlimited import Unlimited
from ratelimit.discovery.window import Window

State = Remembering | Unlimited | Ramp | Probe | Bucket | Window

SLOWEST = 5.0
"""Seconds: a throttle that took longer says nothing of the next ones."""
NEWS = 0.1
"""Of what was told before: a smaller change is no news to a person."""
QUIET = 300.0
"""Seconds after something was told in which a new search is not; its result is, if it is another one."""


@dataclass(frozen=True, slots=True)
class QuotaUpdate:
    """What a controller keeps to is another quota, or none that is known for the moment."""

    old: float | None
    new: float | None
    """A minute; None while it is not known."""
    kind: Kind | None
    reason: str
    """What it is, in words: "a bucket that refills 598 a minute". Empty where a person need not be told."""


UpdateListener = Callable[[QuotaUpdate], None]


def noop(_change: QuotaUpdate) -> None:
    """Is told of changes where nobody else is."""


def transition(known: Knowledge, finding: Finding | Remembered, now: float) -> State:
    """What follows a finding."""
    match finding:
        case Remembered():
            return resume(known, finding, now)
        case Stopped():
            return Probe.after(known, finding, now)
        case FoundBucket(block):
            return Bucket.after(known, block)
        case FoundWindow():
            return Window.after(known, finding, now)


class Controller:
    """A Learner: it ramps up to the first throttle, probes how the quota comes back, and keeps to what that shows."""

    def __init__(self, remembered: Remembered | None = None) -> None:
        """`remembered` from an earlier run: where this one starts, unless it is too old."""
        if remembered is not None and remembered.age >= FORGOTTEN:
            remembered = None
        self.limit = float("inf")
        self.known = Knowledge()
        self.learned = remembered.learned if remembered is not None else None
        """What is known for sure, by the last throttles; until there are any, what was remembered."""
        self.on_change: UpdateListener = noop
        """Told of each change of what is in force, with words for those that are worth it."""
        self.state: State = Ramp(self.known) if remembered is None else Remembering(remembered)
        self._resumed_at = -float("inf")
        self._assumed = self.learned.kind if self.learned else None
        """What a window is, until this run finds it out."""
        self._in_force: float | None = None
        self._told: Learned | None = None
        self._told_at = -float("inf")

    @classmethod
    def unlimited(cls) -> "Controller":
        """For a quota that is said not to exist: it limits nothing until the first throttle shows otherwise."""
        controller = cls()
        controller.state = Unlimited(controller.known)
        return controller

    def wait(self, now: float, cost: float = 1.0) -> float:
        """Seconds until `cost` may start."""
        if (finding := self.state.tick(now)) is not None:
            self._move(finding, now)
        return self.state.wait(now, cost) if cost else 0.0

    def take(self, now: float, cost: float = 1.0) -> None:
        """A call starts."""
        if cost:
            self.known.sent(now, cost)
            self.state.sent(now, cost)
            if self._in_force and self.known.limit > (1 + NEWS) * self._in_force and isinstance(self.state, Window):
                self._learn(now, quietly=True)  # trials go on; their end is told

    def correct(self, now: float, taken_at: float, delta: float) -> None:
        """A call that started then took `delta` more than was reserved."""
        self.known.log.credit(now, taken_at, delta)
        self.state.credited(taken_at, delta)

    def throttled(self, now: float, taken_at: float, cost: float) -> None:
        """The server throttled a call that started then."""
        known = self.known
        known.log.throttle(taken_at, cost)
        known.round_trip = max(0.9 * known.round_trip, min(now - taken_at, SLOWEST))
        if taken_at <= self._resumed_at:
            return
        if (finding := self.state.throttled(now, Throttle(taken_at, cost))) is not None:
            self._move(finding, now)
        elif isinstance(self.state, Window):
            self._learn(now)  # its limit is another one, perhaps

    def resume(self, now: float, since: float) -> None:
        """From `since` until now no call could start: what was admitted meanwhile measures nothing."""
        self.known.refill_estimate.line.clear()

    def _move(self, finding: Finding | Remembered, now: float) -> None:
        before, self.state = self.state, transition(self.known, finding, now)
        match finding:
            case Remembered(learned, age):
                self._tell(now, learned, f"{_named(learned)}, as it was learned {_ago(age)}")
            case Stopped(_, pace):
                if isinstance(before, Ramp | Unlimited) or (isinstance(before, Window) and now - self._told_at > QUIET):
                    self._tell(now, None, f"throttled at {shown(60 * pace)} a minute: finding out how it comes back")
            case FoundBucket() | FoundWindow():
                self._resumed_at = finding.block.survivor if isinstance(finding, FoundBucket) else now
                self._assumed = None
                self._learn(now)

    def _learn(self, now: float, *, quietly: bool = False) -> None:
        known = self.known
        match self.state:
            case Bucket() if known.refill_estimate.rate is not None and known.refill_estimate.sure:
                learned = Learned(Kind.BUCKET, 60 * known.refill_estimate.rate, known.mean)
            case Window(kind=kind):
                learned = Learned(self._assumed or kind, known.limit, known.mean)
            case _:
                return
        self.learned = learned
        self._tell(now, learned, "" if quietly else _news(self._told, learned))

    def _tell(self, now: float, learned: Learned | None, reason: str) -> None:
        if reason:
            self._told, self._told_at = learned, now
        before, self._in_force = self._in_force, learned.per_minute if learned else None
        self.on_change(QuotaUpdate(before, self._in_force, learned.kind if learned else None, reason))


def _news(told: Learned | None, learned: Learned) -> str:
    if told is None or told.kind is not learned.kind:
        return _named(learned)
    if abs(learned.per_minute - told.per_minute) <= NEWS * told.per_minute:
        return ""
    return f"{'grew' if learned.per_minute > told.per_minute else 'fell'} to {shown(learned.per_minute)} a minute"


def _named(learned: Learned) -> str:
    amount = shown(learned.per_minute)
    return (
        f"a bucket that refills {amount} a minute"
        if learned.kind is Kind.BUCKET
        else f"a {learned.kind} minute of {amount}"
    )


def _ago(seconds: float) -> str:
    for unit, name in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= unit:
            number = round(seconds / unit)
            return f"{number} {name}{'s' * (number != 1)} ago"
    return "just now"
