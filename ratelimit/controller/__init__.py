"""Finds a quota that nobody told, from refusals alone; one controller for each quota (pure)."""

from ratelimit.controller.bucket import Bucket
from ratelimit.controller.knowledge import Finding, FoundBucket, FoundWindow, Knowledge, Refusal, Stopped
from ratelimit.controller.probe import Probe
from ratelimit.controller.ramp import Ramp
from ratelimit.controller.window import Window

State = Ramp | Probe | Bucket | Window


def transition(known: Knowledge, finding: Finding, now: float) -> State:
    """What follows a finding."""
    match finding:
        case Stopped():
            return Probe.after(known, finding, now)
        case FoundBucket(block):
            return Bucket.after(known, block)
        case FoundWindow():
            return Window.after(known, finding, now)


class Controller:
    """A Learner: it ramps up to the first refusal, probes how the quota comes back, and keeps to what that shows."""

    def __init__(self) -> None:
        self.limit = float("inf")
        self.known = Knowledge()
        self.state: State = Ramp(self.known)
        self._resumed_at = -float("inf")

    def wait(self, now: float, cost: float = 1.0) -> float:
        """Seconds until `cost` may start."""
        if (finding := self.state.tick(now)) is not None:
            self._move(finding, now)
        return self.state.wait(now, cost)

    def take(self, now: float, cost: float = 1.0) -> None:
        """A call starts."""
        self.known.sent(now, cost)
        self.state.sent(now, cost)

    def correct(self, now: float, taken_at: float, delta: float) -> None:
        """A call that started then took `delta` more than was reserved."""
        self.known.log.credit(now, taken_at, delta)
        self.state.credited(delta)

    def refused(self, now: float, taken_at: float, cost: float) -> None:
        """The server refused a call that started then."""
        known = self.known
        known.log.refuse(taken_at, cost)
        known.round_trip = max(known.round_trip, now - taken_at)
        if taken_at > self._resumed_at and (finding := self.state.refused(now, Refusal(taken_at, cost))) is not None:
            self._move(finding, now)

    def _move(self, finding: Finding, now: float) -> None:
        self.state = transition(self.known, finding, now)
        match finding:
            case FoundBucket(block):
                self._resumed_at = block.survivor
            case FoundWindow():
                self._resumed_at = now
