"""The circuit breaker: stops calls while the service is out and sends a few probes to see whether it is back (pure).

Sources: M. Nygard, "Release It!", 2007; generations and the three judgements are those of sony/gobreaker; the defaults
are those of resilience4j (window and minimum 100, 50%, 60 s) and gobreaker (5 in a row).
Weakness: it sees one service as a whole; if only one kind of call fails, it stops all calls or none.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar


class Judgement(StrEnum):
    """What a call says about the service. NEUTRAL: nothing (throttled, cancelled, invalid, rejected locally)."""

    SUCCESS = "success"
    FAILURE = "failure"
    NEUTRAL = "neutral"


@dataclass(frozen=True, slots=True)
class BreakerRules:
    """When the breaker opens, for how long, and when it closes. Times in seconds.

    It opens after `consecutive_failures` failures in a row, without a success between, at any concurrency: failed calls
    may be billed. Calls started since the first of them count against it while they are in flight: if there are more of
    them than failures, the failures are only faster than the answers. It also opens when `failure_rate` of the last
    `window` calls failed. Neutral results count for neither.
    """

    consecutive_failures: int = 5
    window: int = 100
    """How many of the last started calls the failure rate is taken from; those in flight count as not failed."""
    min_calls: int = 100
    """Calls in the window below which the failure rate is not used."""
    failure_rate: float = 0.5
    """Share of failures, in the window or among the probes, that opens the breaker."""
    open_time: float = 60.0
    """From opening to the first probes."""
    growth: float = 2.0
    """Factor on the open time at each reopening; closing resets it."""
    max_open_time: float = 300.0
    probes: int = 3
    """Calls in flight while half-open; a majority decides."""
    probe_timeout: float = 60.0
    """A probe has failed after this time, or after twice the slowest success if that is longer."""


@dataclass(frozen=True, slots=True)
class Transition:
    old: str
    new: str
    """`closed`, `open` or `half-open`."""
    reason: str
    """A sentence without the full stop."""
    at: float
    seconds: float
    """Seconds to the next probe; 0.0 unless `new` is `open`."""
    since: float
    """When the breaker last left `closed`."""


TransitionListener = Callable[[Transition], None]


class Ticket:
    """A call that the breaker let through; hand it to `leave` once."""

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
        self._started = self._in_a_row = self._failed = self._neutral = 0
        self._started_before = self._ended_since = 0
        """Calls started before the first failure in a row, and calls that started later and have ended."""

    def enter(self) -> int:
        """Count a call as started; return its number."""
        number = self._started
        slot = number % self._rules.window
        if self._marks[slot]:
            self._mark(slot, 0)
        self._started += 1
        return number

    def leave(self, number: int, judgement: Judgement) -> str:
        """Count the result of a call; return the reason to open, or an empty string."""
        rules = self._rules
        self._ended_since += number >= self._started_before
        if judgement is Judgement.SUCCESS:
            self._in_a_row = 0
            return ""
        if number >= self._started - rules.window:
            self._mark(number % rules.window, _FAILED if judgement is Judgement.FAILURE else _NEUTRAL)
        if judgement is Judgement.NEUTRAL:
            return ""
        if not self._in_a_row:
            self._started_before, self._ended_since = self._started, 0
        self._in_a_row += 1
        in_flight_since = self._started - self._started_before - self._ended_since
        if self._in_a_row >= max(rules.consecutive_failures, in_flight_since):
            return f"{self._in_a_row} calls in a row failed"
        seen = min(self._started, rules.window) - self._neutral
        if seen >= rules.min_calls and self._failed >= rules.failure_rate * seen:
            return f"{self._failed} of the last {seen} calls failed"
        return ""

    def _mark(self, slot: int, mark: int) -> None:
        old, self._marks[slot] = self._marks[slot], mark
        self._failed += (mark == _FAILED) - (old == _FAILED)
        self._neutral += (mark == _NEUTRAL) - (old == _NEUTRAL)


@dataclass(slots=True)
class Open:
    """No call passes until `until`."""

    name: ClassVar = "open"
    until: float
    times: int
    """How often it has opened since it was last closed."""
    since: float


@dataclass(slots=True)
class HalfOpen:
    """A fixed number of probes pass; their results decide."""

    name: ClassVar = "half-open"
    times: int
    since: float
    in_flight: dict[int, float] = field(default_factory=dict)
    """Deadlines of the probes in flight, by number."""
    started: int = 0
    succeeded: int = 0
    failed: int = 0

    def expire(self, now: float) -> None:
        """Count probes past their deadline as failed."""
        late = [number for number, deadline in self.in_flight.items() if deadline <= now]
        for number in late:
            del self.in_flight[number]
        self.failed += len(late)


State = Closed | Open | HalfOpen


def noop(_transition: Transition) -> None: ...


class Breaker:
    """Closed, open or half-open. Time is an argument, seconds on any monotonic clock.

    Each change of state starts a generation, and results of calls from an earlier generation are dropped. So of a
    thousand calls in flight when an endpoint dies, the first few open the breaker and the others change nothing.
    """

    def __init__(self, rules: BreakerRules | None = None, changed: TransitionListener = noop) -> None:
        """`changed` is called after each transition."""
        self.rules = rules or BreakerRules()
        self.state: State = Closed(self.rules)
        self.changed = changed
        self._generation = 0
        self._slowest = 0.0
        """Seconds of the slowest success, of any generation: a shorter probe timeout would keep the breaker open."""

    def wait(self, now: float) -> float:
        """Seconds until a call may start; 0.0 if it may start now.

        With all probes in flight: seconds to the first probe's deadline. Changes the state when its time is over.
        """
        state = self.state
        if isinstance(state, Closed):
            return 0.0
        if isinstance(state, Open):
            if now < state.until:
                return state.until - now
            self._move(now, HalfOpen(state.times, state.since), f"sending {self.rules.probes} probes")
            return 0.0
        state.expire(now)
        self._decide(now, state)
        if self.state is not state:
            return self.wait(now)
        if state.succeeded + state.failed + len(state.in_flight) < self.rules.probes:
            return 0.0
        return min(state.in_flight.values()) - now

    def enter(self, now: float) -> Ticket:
        """A call starts; only allowed when `wait` is 0.0."""
        state = self.state
        if isinstance(state, Closed):
            return Ticket(self._generation, state.enter(), now, probe=False)
        if isinstance(state, Open):
            raise RuntimeError("no call starts while the breaker is open")  # noqa: TRY004 (a state is no argument)
        state.started += 1
        state.in_flight[state.started] = now + max(self.rules.probe_timeout, 2 * self._slowest)
        return Ticket(self._generation, state.started, now, probe=True)

    def leave(self, now: float, ticket: Ticket, judgement: Judgement) -> None:
        if judgement is Judgement.SUCCESS and now - ticket.at > self._slowest:
            self._slowest = now - ticket.at
        if ticket.generation != self._generation:
            return
        state = self.state
        if isinstance(state, Closed):
            if reason := state.leave(ticket.number, judgement):
                self._open(now, 0, now, reason)
        elif isinstance(state, HalfOpen) and state.in_flight.pop(ticket.number, None) is not None:
            state.succeeded += judgement is Judgement.SUCCESS
            state.failed += judgement is Judgement.FAILURE
            self._decide(now, state)

    @property
    def closed(self) -> bool:
        return isinstance(self.state, Closed)

    def valid(self, ticket: Ticket) -> bool:
        """Whether the state that let this call through still holds."""
        return ticket.generation == self._generation

    def _decide(self, now: float, state: HalfOpen) -> None:
        """Leave half-open as soon as the missing probes cannot change the result."""
        probes, opens = self.rules.probes, self.rules.failure_rate * self.rules.probes
        if state.failed >= opens:
            self._open(now, state.times, state.since, f"{state.failed} of {probes} probes failed")
        elif probes - state.succeeded < opens:
            self._move(now, Closed(self.rules), f"{state.succeeded} of {probes} probes succeeded")

    def _open(self, now: float, times: int, since: float, reason: str) -> None:
        rules = self.rules
        length = min(rules.max_open_time, rules.open_time * rules.growth ** min(times, 60))
        self._move(now, Open(now + length, times + 1, since), reason)

    def _move(self, now: float, state: State, reason: str) -> None:
        """The only place where the state changes."""
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
