"""The circuit breaker: when it opens, which calls it passes, and how it treats late results."""

import heapq
import random
from collections import deque

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ratelimit.breaker import Breaker, BreakerRules, Judgement, Ticket, Transition

S, F, N = Judgement.SUCCESS, Judgement.FAILURE, Judgement.NEUTRAL
NAMES = {"S": S, "F": F, "N": N}


def calls(breaker: Breaker, outcomes: str, now: float = 0.0) -> str:
    """Make one call after the other; return the state after them."""
    for outcome in outcomes:
        assert breaker.wait(now) == 0.0
        breaker.leave(now, breaker.enter(now), NAMES[outcome])
    return breaker.state.name


def opened(rules: BreakerRules | None = None, now: float = 0.0) -> Breaker:
    breaker = Breaker(rules)
    assert calls(breaker, "FFFFF", now) == "open"
    return breaker


def let_through(breaker: Breaker, now: float, callers: int = 50) -> list[Ticket]:
    """The tickets of those callers that pass at once."""
    return [breaker.enter(now) for _ in range(callers) if breaker.wait(now) == 0.0]


ONE = BreakerRules(probes=1)


@pytest.mark.parametrize(
    ("outcomes", "state"),
    [
        ("FFFF", "closed"),
        ("FFFFF", "open"),
        ("FFFFSFFFF", "closed"),
        ("FFFFSFFFFF", "open"),
        ("FFNNFNFF", "open"),
        ("N" * 1000, "closed"),
        ("N" * 1000 + "FFFF", "closed"),
    ],
)
def test_five_failures_without_a_success_between_open_it(outcomes, state):
    assert calls(Breaker(), outcomes) == state


@pytest.mark.parametrize(("probe", "state"), [("F", "open"), ("S", "closed")])
def test_it_stays_open_for_a_minute_and_then_a_probe_decides(probe, state):
    breaker = opened(ONE)
    assert breaker.wait(59.999) == pytest.approx(0.001)
    assert breaker.state.name == "open"
    assert breaker.wait(60.0) == 0.0
    assert breaker.state.name == "half-open"
    assert calls(breaker, probe, 60.0) == state


@pytest.mark.parametrize(
    ("outcomes", "state"),
    [("FSFS", "closed"), ("FSFSF", "open"), ("SSSSSFFF", "closed"), ("SSSSSFFFSFF", "open"), ("FSNNNNNNSF", "closed")],
)
def test_the_failure_rate_opens_it_once_there_are_enough_calls(outcomes, state):
    rules = BreakerRules(consecutive_failures=99, window=10, min_calls=5, failure_rate=0.5)
    breaker = Breaker(rules)
    for outcome in outcomes:
        assert breaker.state.name == "closed"
        breaker.leave(0.0, breaker.enter(0.0), NAMES[outcome])
    assert breaker.state.name == state


@pytest.mark.parametrize("probes", [1, 3, 10])
def test_a_half_open_breaker_passes_exactly_its_probes(probes):
    breaker = opened(BreakerRules(probes=probes))
    assert len(let_through(breaker, 60.0)) == probes
    assert breaker.wait(60.0) == 60.0  # the deadline of a probe


@pytest.mark.parametrize(
    ("outcomes", "state"), [("FFFFFSSSSS", "open"), ("SSSSSFFFFF", "open"), ("FFFFSSSSSS", "closed")]
)
def test_half_of_the_probes_failing_opens_it_again(outcomes, state):
    breaker = opened(BreakerRules(probes=10))
    tickets = let_through(breaker, 60.0)
    for ticket, outcome in zip(tickets, outcomes, strict=True):
        breaker.leave(61.0, ticket, NAMES[outcome])
    assert breaker.state.name == state


def test_results_of_calls_from_an_earlier_state_are_dropped():
    breaker = Breaker(ONE)
    early = [breaker.enter(0.0) for _ in range(6)]
    for ticket in early[:5]:
        breaker.leave(0.0, ticket, F)
    assert breaker.wait(60.0) == 0.0
    breaker.leave(60.0, early[5], S)
    assert breaker.state.name == "half-open"
    probe = breaker.enter(60.0)
    breaker.leave(61.0, probe, S)
    assert breaker.state.name == "closed"
    assert not breaker.valid(probe)


@pytest.mark.parametrize("in_flight", [1, 64, 1000])
def test_five_failures_in_a_row_open_it_at_any_concurrency(in_flight):
    """Failed calls may be billed, so a thousand calls in flight are no reason to wait for more failures."""
    transitions: list[Transition] = []
    breaker = Breaker(changed=transitions.append)
    tickets = [breaker.enter(0.0) for _ in range(in_flight)]
    for failures in range(1, 5):
        breaker.leave(1.0, tickets.pop(0), F)
        tickets.append(breaker.enter(1.0))
        assert breaker.closed, failures
    for ticket in tickets:
        breaker.leave(1.0, ticket, F)
    assert [(change.old, change.new, change.reason) for change in transitions] == [
        ("closed", "open", "5 calls in a row failed")
    ]


@pytest.mark.parametrize("in_flight", [64, 1000])
def test_a_success_between_restarts_the_count_at_any_concurrency(in_flight):
    breaker = Breaker()
    tickets = [breaker.enter(0.0) for _ in range(in_flight)]
    for judgement in (F, F, F, F, S, F, F, F, F):
        breaker.leave(1.0, tickets.pop(), judgement)
        assert breaker.closed
    breaker.leave(1.0, tickets.pop(), F)
    assert not breaker.closed


@pytest.mark.parametrize("per_second", [10, 100, 1000])
def test_failures_that_are_faster_than_answers_are_no_outage(per_second):
    """A service that rejects a call in twenty after 0.1 s and answers the others after 3 to 9 s."""
    breaker, uniform = Breaker(), random.Random(1).random
    in_flight: list[tuple[float, int, Ticket, Judgement]] = []
    for number in range(20 * per_second):
        now = number / per_second
        while in_flight and in_flight[0][0] <= now:
            at, _, ticket, judgement = heapq.heappop(in_flight)
            breaker.leave(at, ticket, judgement)
        assert breaker.wait(now) == 0.0
        judgement, seconds = (F, 0.1) if uniform() < 0.05 else (S, 3 + 6 * uniform())
        heapq.heappush(in_flight, (now + seconds, number, breaker.enter(now), judgement))
    assert breaker.closed


@pytest.mark.parametrize("per_second", [10, 100, 1000])
def test_an_outage_opens_it_before_the_calls_started_since_have_failed_too(per_second):
    """Every call fails after 0.1 s: at most twice the calls that are in flight at the first failure fail."""
    breaker = Breaker()
    in_flight: deque[tuple[float, Ticket]] = deque()
    failed, number = 0, 0
    while breaker.closed:
        now = number / per_second
        while in_flight and in_flight[0][0] <= now and breaker.closed:
            breaker.leave(now, in_flight.popleft()[1], F)
            failed += 1
        if breaker.closed:
            in_flight.append((now + 0.1, breaker.enter(now)))
            number += 1
    assert failed <= max(5, 0.1 * per_second + 2)


def test_a_withdrawn_probe_frees_its_slot():
    breaker = opened(ONE)
    (probe,) = let_through(breaker, 60.0)
    breaker.leave(61.0, probe, N)
    assert breaker.state.name == "half-open"
    assert len(let_through(breaker, 61.0)) == 1


def test_a_probe_fails_at_its_deadline():
    breaker = opened(ONE)
    (probe,) = let_through(breaker, 60.0)
    assert breaker.wait(119.0) == pytest.approx(1.0)
    assert breaker.wait(120.0) == pytest.approx(120.0)
    assert breaker.state.name == "open"
    breaker.leave(130.0, probe, S)
    assert breaker.state.name == "open"


def test_a_probe_has_twice_the_time_of_the_slowest_success():
    breaker = opened(ONE)
    (late,) = let_through(breaker, 60.0)
    assert breaker.wait(120.0) > 0.0
    breaker.leave(360.0, late, S)  # too late, but it shows how long a call can take
    assert len(let_through(breaker, 360.0)) == 1
    assert breaker.wait(360.0) == pytest.approx(600.0)


def test_each_reopening_lasts_longer_up_to_a_cap_and_closing_resets_it():
    transitions: list[Transition] = []
    breaker, now = Breaker(ONE, transitions.append), 0.0
    calls(breaker, "FFFFF", now)
    for _ in range(4):
        now += breaker.wait(now)
        calls(breaker, "F", now)
    now += breaker.wait(now)
    calls(breaker, "SFFFFF", now)
    assert [change.seconds for change in transitions if change.new == "open"] == [60, 120, 240, 300, 300, 60]


def test_transitions_carry_their_reason_and_the_start_of_the_outage():
    transitions: list[Transition] = []
    breaker = Breaker(changed=transitions.append)
    calls(breaker, "FFFFF", 7.0)
    for ticket, outcome in zip(let_through(breaker, 67.0), (F, S, S), strict=True):
        breaker.leave(68.0, ticket, outcome)
    assert [(t.old, t.new, t.reason, t.at, t.seconds, t.since) for t in transitions] == [
        ("closed", "open", "5 calls in a row failed", 7.0, 60.0, 7.0),
        ("open", "half-open", "sending 3 probes", 67.0, 0.0, 7.0),
        ("half-open", "closed", "2 of 3 probes succeeded", 68.0, 0.0, 7.0),
    ]


def test_nothing_starts_while_it_is_open():
    with pytest.raises(RuntimeError):
        opened().enter(1.0)


@pytest.mark.parametrize("in_flight", [1, 16, 64, 1000])
@pytest.mark.parametrize("seed", range(5))
def test_one_random_failure_in_twenty_is_no_outage(in_flight, seed):
    """Of 5,000 calls, 0.2% of the runs have five failures in a row at this rate; at a third, every run has."""
    breaker, uniform, now = Breaker(), random.Random(seed).random, 0.0
    out: list[tuple[float, int, Ticket, Judgement]] = []
    for number in range(5000):
        while len(out) >= in_flight:
            now, _, ticket, judgement = heapq.heappop(out)
            breaker.leave(now, ticket, judgement)
        assert breaker.wait(now) == 0.0
        judgement, seconds = F if uniform() < 0.05 else S, 3 + 6 * uniform()
        heapq.heappush(out, (now + seconds, number, breaker.enter(now), judgement))
    assert breaker.state.name == "closed"


class Model:
    """The same rules, each computed from the whole history of a state."""

    def __init__(self, rules: BreakerRules) -> None:
        self.rules, self.now, self.generation = rules, 0.0, 0
        self.closed()

    def closed(self) -> None:
        self.state, self.times = "closed", 0
        self.begin()

    def begin(self) -> None:
        self.generation += 1
        self.started: list[Judgement | None] = []
        self.ended: list[Judgement] = []
        self.streak = 0
        self.deadlines: list[float] = []

    def open(self) -> None:
        self.state = "open"
        self.until = self.now + min(self.rules.max_open_time, self.rules.open_time * self.rules.growth**self.times)
        self.times += 1
        self.begin()

    def passes(self) -> bool:
        if self.state == "open" and self.now >= self.until:
            self.state = "half-open"
            self.begin()
        if self.state == "half-open":
            for number, deadline in enumerate(self.deadlines):
                if self.started[number] is None and deadline <= self.now:
                    self.started[number] = F
            self.decide()
            return self.state == "half-open" and sum(call is not N for call in self.started) < self.rules.probes
        return self.state == "closed"

    def start(self, slowest: float) -> tuple[int, int]:
        self.started.append(None)
        self.deadlines.append(self.now + max(self.rules.probe_timeout, 2 * slowest))
        return self.generation, len(self.started) - 1

    def end(self, call: tuple[int, int], judgement: Judgement) -> None:
        generation, number = call
        if generation != self.generation or self.started[number] is not None:
            return
        self.started[number] = judgement
        if self.state == "half-open":
            self.decide()
            return
        if judgement is F and self.ended[-1:] != [F]:
            self.streak = len(self.started)
        self.ended += [judgement] if judgement is not N else []
        failures = 0
        while failures < len(self.ended) and self.ended[-1 - failures] is F:
            failures += 1
        window = [call for call in self.started[-self.rules.window :] if call is not N]
        newer = self.started[self.streak :].count(None)
        row = judgement is F and failures >= max(self.rules.consecutive_failures, newer)
        rate = len(window) >= self.rules.min_calls and window.count(F) / len(window) >= self.rules.failure_rate
        if judgement is F and (row or rate):
            self.open()

    def decide(self) -> None:
        failed, succeeded = self.started.count(F), self.started.count(S)
        if failed / self.rules.probes >= self.rules.failure_rate:
            self.open()
        elif (self.rules.probes - succeeded) / self.rules.probes < self.rules.failure_rate:
            self.closed()


class BreakerAgainstModel(RuleBasedStateMachine):
    """100 runs of 100 steps."""

    @initialize(
        in_a_row=st.integers(1, 4),
        window=st.integers(2, 8),
        probes=st.integers(1, 4),
        rate=st.sampled_from([0.3, 0.5, 1]),
    )
    def begin(self, in_a_row: int, window: int, probes: int, rate: float) -> None:
        rules = BreakerRules(in_a_row, window, max(2, window - 2), rate, 10.0, 2.0, 30.0, probes, 5.0)
        self.breaker, self.model, self.slowest = Breaker(rules), Model(rules), 0.0
        self.out: list[tuple[Ticket, tuple[int, int], float]] = []

    @rule(seconds=st.sampled_from([0.0, 0.1, 1.0, 4.0, 10.0, 30.0]))
    def time_passes(self, seconds: float) -> None:
        self.model.now += seconds

    @rule(callers=st.integers(1, 6))
    def some_call(self, callers: int) -> None:
        for _ in range(callers):
            passes = self.model.passes()
            assert (self.breaker.wait(self.model.now) == 0.0) == passes
            if passes:
                ticket = self.breaker.enter(self.model.now)
                assert ticket.probe == (self.model.state == "half-open")
                self.out.append((ticket, self.model.start(self.slowest), self.model.now))

    @precondition(lambda self: self.out)
    @rule(which=st.integers(0, 1000), judgement=st.sampled_from([S, F, F, N]))
    def one_ends(self, which: int, judgement: Judgement) -> None:
        ticket, call, began = self.out.pop(which % len(self.out))
        if judgement is S:
            self.slowest = max(self.slowest, self.model.now - began)
        self.breaker.leave(self.model.now, ticket, judgement)
        self.model.end(call, judgement)

    @invariant()
    def they_agree(self) -> None:
        assert self.breaker.state.name == self.model.state
        if self.model.state == "open":
            assert self.breaker.wait(self.model.now) == pytest.approx(max(0.0, self.model.until - self.model.now))
            self.model.passes()  # `wait` may have half-opened the breaker


BreakerAgainstModel.TestCase.settings = settings(max_examples=100, stateful_step_count=100, deadline=None)
TestBreakerAgainstModel = BreakerAgainstModel.TestCase
