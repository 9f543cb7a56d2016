"""The circuit breaker: calls are held back while the service is out, and a few find out whether it is back (pure).

Sources: M. Nygard, "Release It!", 2007; the generations and the three outcomes are those of sony/gobreaker, the figures
those of resilience4j (window and minimum 100, 50%, 60 s) and gobreaker (5 in a row). Throttling never opens it.
Weakness: it sees one service as a whole; where one kind of call fails and the others do not, it holds back all or none.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar


class Judgement(StrEnum):
    """What one call says of the service. NEUTRAL: nothing (throttled, cancelled, invalid, throttled locally)."""

    SUCCESS = "success"
    FAILURE = "failure"
    NEUTRAL = "neutral"


@dataclass(frozen=True, slots=True)
class BreakerRules:
    """When it opens, for how long, and what closes it. Times in seconds."""

    in_a_row: int = 5
    """Failures with no success between that open it, but never fewer than there are calls out: of 64 calls that started
    together the 17 that fail at once are no outage while 47 are still to answer."""
    window: int = 100
    """Of so many calls, the last that were started, the failure rate is taken; those that are out are no failures."""
    minimum: int = 100
    """Calls in the window before its rate means anything."""
    rate: float = 0.5
    """Share of failures, of the window or of the probes, that opens it."""
    open_time: float = 60.0
    """From the opening to the first probes."""
    growth: float = 2.0
    """What each reopening makes of the open time; closing sets it back."""
    longest_open: float = 300.0
    probes: int = 3
    """Calls that a half-open breaker lets through: the fewest of which a majority decides."""
    probe_time: float = 60.0
    """A probe without a reply for so long has failed; twice as long as the slowest success, if that is more."""


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of state, told when it happens."""

    old: str
    new: str
    """`closed`, `open` or `half-open`."""
    reason: str
    """A plain sentence without its full stop."""
    at: float
    seconds: float
    """Until the next probe; 0.0 unless it opened."""
    since: float
    """When it left `closed`."""


TransitionListener = Callable[[Transition], None]
"""Is told of transitions."""


class Ticket:
    """Leave to make one call, to be given back to `leave` once."""

    __slots__ = ("at", "generation", "number", "probe")

    def __init__(self, generation: int, number: int, at: float, *, probe: bool) -> None:
        self.generation, self.number, self.at, self.probe = generation, number, at, probe


_FAILED, _NEUTRAL = 1, 2


class Closed:
    """Every call passes; failures are counted."""

    name: ClassVar = "closed"

    def __init__(self, rules: BreakerRules) -> None:
        self._rules = rules
        self._marks = bytearray(rules.window)
        self._started = self._out = self._in_a_row = self._failed = self._neutral = 0

    def enter(self) -> int:
        """Count a call as started; its number."""
        number = self._started
        slot = number % self._rules.window
        if self._marks[slot]:
            self._mark(slot, 0)
        self._started += 1
        self._out += 1
        return number

    def leave(self, number: int, judgement: Judgement) -> str:
        """Count how it ended; the reason to open, empty if there is none."""
        rules = self._rules
        self._out -= 1
        if judgement is Judgement.SUCCESS:
            self._in_a_row = 0
            return ""
        if number >= self._started - rules.window:
            self._mark(number % rules.window, _FAILED if judgement is Judgement.FAILURE else _NEUTRAL)
        if judgement is Judgement.NEUTRAL:
            return ""
        self._in_a_row += 1
        if self._in_a_row >= max(rules.in_a_row, self._out):
            return f"{self._in_a_row} calls in a row failed"
        seen = min(self._started, rules.window) - self._neutral
        if seen >= rules.minimum and self._failed >= rules.rate * seen:
            return f"{self._failed} of the last {seen} calls failed"
        return ""

    def _mark(self, slot: int, mark: int) -> None:
        old, self._marks[slot] = self._marks[slot], mark
        self._failed += (mark == _FAILED) - (old == _FAILED)
        self._neutral += (mark == _NEUTRAL) - (old == _NEUTRAL)


@dataclass(slots=True)
class Open:
    """No call passes until then."""

    name: ClassVar = "open"
    until: float
    times: int
    """How often it has opened since it was closed."""
    since: float


@dataclass(slots=True)
class HalfOpen:
    """Exactly so many calls pass, and what they find decides."""

    name: ClassVar = "half-open"
    times: int
    since: float
    out: dict[int, float] = field(default_factory=dict)
    """Probes that are out, by number, and when each has failed."""
    started: int = 0
    succeeded: int = 0
    failed: int = 0

    def expire(self, now: float) -> None:
        """Count the probes whose time is over as failed."""
        late = [number for number, deadline in self.out.items() if deadline <= now]
        for number in late:
            del self.out[number]
        self.failed += len(late)


State = Closed | Open | HalfOpen


def noop(_transition: Transition) -> None:
    """Tell nobody."""


class Breaker:
    """Closed, open or half-open. Pure: time is an argument, seconds on any monotonic clock.

    Each change of state begins a generation; what a call of an earlier one brings is dropped. So of a thousand calls
    in flight when an endpoint dies the first few failures open the breaker, and the others say nothing new.
    """

    def __init__(self, rules: BreakerRules | None = None, changed: TransitionListener = noop) -> None:
        """`changed` is told of each transition when it has happened."""
        self.rules = rules or BreakerRules()
        self.state: State = Closed(self.rules)
        self.changed = changed
        self._generation = 0
        self._slowest = 0.0
        """Seconds of the slowest success, of whatever generation: a deadline below it would keep the breaker open."""

    def wait(self, now: float) -> float:
        """Seconds until a call may start: 0.0 now; while all probes are out, until one of them has failed."""
        state = self.state
        if isinstance(state, Closed):
            return 0.0
        if isinstance(state, Open):
            if now < state.until:
                return state.until - now
            self._move(now, HalfOpen(state.times, state.since), "probes find out whether it is back")
            return 0.0
        state.expire(now)
        self._decide(now, state)
        if self.state is not state:
            return self.wait(now)
        if state.succeeded + state.failed + len(state.out) < self.rules.probes:
            return 0.0
        return min(state.out.values()) - now

    def enter(self, now: float) -> Ticket:
        """A call starts; only when `wait` is 0.0."""
        state = self.state
        if isinstance(state, Closed):
            return Ticket(self._generation, state.enter(), now, probe=False)
        if isinstance(state, Open):
            raise RuntimeError("no call starts while the breaker is open")  # noqa: TRY004 (a state is no argument)
        state.started += 1
        state.out[state.started] = now + max(self.rules.probe_time, 2 * self._slowest)
        return Ticket(self._generation, state.started, now, probe=True)

    def leave(self, now: float, ticket: Ticket, judgement: Judgement) -> None:
        """A call is over; exactly once a ticket."""
        if judgement is Judgement.SUCCESS and now - ticket.at > self._slowest:
            self._slowest = now - ticket.at
        if ticket.generation != self._generation:
            return
        state = self.state
        if isinstance(state, Closed):
            if reason := state.leave(ticket.number, judgement):
                self._open(now, 0, now, reason)
        elif isinstance(state, HalfOpen) and state.out.pop(ticket.number, None) is not None:
            state.succeeded += judgement is Judgement.SUCCESS
            state.failed += judgement is Judgement.FAILURE
            self._decide(now, state)

    @property
    def closed(self) -> bool:
        """Whether every call passes."""
        return isinstance(self.state, Closed)

    def valid(self, ticket: Ticket) -> bool:
        """Whether the state that let this call through still holds."""
        return ticket.generation == self._generation

    def _decide(self, now: float, state: HalfOpen) -> None:
        """Leave half-open as soon as the probes that are still missing cannot change what comes of it."""
        probes, opens = self.rules.probes, self.rules.rate * self.rules.probes
        if state.failed >= opens:
            self._open(now, state.times, state.since, f"{state.failed} of {probes} probes failed")
        elif probes - state.succeeded < opens:
            self._move(now, Closed(self.rules), f"{state.succeeded} of {probes} probes were answered")

    def _open(self, now: float, times: int, since: float, reason: str) -> None:
        rules = self.rules
        length = min(rules.longest_open, rules.open_time * rules.growth ** min(times, 60))
        self._move(now, Open(now + length, times + 1, since), reason)

    def _move(self, now: float, state: State, reason: str) -> None:
        """The one place where the state changes."""
        old, self.state = self.state, state
        self._generation += 1
        left = old if isinstance(state, Closed) else state
        self.changed(
            Transition(
                old.name,
                state.name,
                reason,
                now,
                state.until - now if isinstance(state, Open) else 0.0,
                now if isinstance(left, Closed) else left.since,
            )
        )
