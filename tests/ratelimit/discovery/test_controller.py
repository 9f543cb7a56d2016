"""The whole controller, against simulated servers and under arbitrary sequences of events."""

import math
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from one_client import Cost, Server, drive, tokens

from ratelimit.discovery.controller import Controller
from ratelimit.discovery.knowledge import Kind
from ratelimit.discovery.probe import Probe
from ratelimit.discovery.ramp import Ramp
from ratelimit.discovery.window import RATE, Window

KINDS = ("bucket 1", "bucket 10", "bucket 60", "fixed", "sliding")
every_kind = pytest.mark.parametrize("kind", KINDS)
SEEDS = (101, 102)


def judge(server: Server, minutes: float, utilisation: float, throttled: float, **how) -> None:
    """Each seed must reach these figures."""
    for seed in SEEDS:
        ran = drive(Controller(), server, seed, minutes=minutes, **how)
        assert ran.utilisation >= utilisation, f"seed {seed}: {ran.utilisation:.4f}"
        assert ran.throttle_rate <= throttled, f"seed {seed}: {ran.throttle_rate:.4f}"


@pytest.mark.parametrize(
    ("kind", "quota", "minutes", "utilisation", "throttled"),
    [
        # quota a minute; in a few minutes the start counts, which a long run would hide
        ("bucket 1", 60.0, 15, 0.91, 0.03),
        ("bucket 10", 60.0, 15, 0.97, 0.03),
        ("bucket 60", 60.0, 15, 0.97, 0.035),
        ("fixed", 60.0, 15, 0.90, 0.045),
        ("sliding", 60.0, 15, 0.96, 0.04),
        ("bucket 1", 600.0, 8, 0.97, 0.01),
        ("bucket 10", 600.0, 8, 0.97, 0.012),
        ("bucket 60", 600.0, 8, 0.97, 0.02),
        ("fixed", 600.0, 8, 0.86, 0.025),
        ("sliding", 600.0, 8, 0.96, 0.02),
    ],
)
def test_a_request_quota_is_used_with_few_throttles(kind, quota, minutes, utilisation, throttled):
    judge(Server(kind, quota), minutes, utilisation, throttled)


@pytest.mark.parametrize(
    ("kind", "burndown", "utilisation", "throttled"),
    [
        ("bucket 1", 1, 0.93, 0.02),
        ("bucket 10", 1, 0.94, 0.03),
        ("bucket 60", 1, 0.94, 0.04),
        ("fixed", 1, 0.84, 0.04),
        ("sliding", 1, 0.88, 0.04),
        ("bucket 10", 5, 0.94, 0.03),
        ("fixed", 5, 0.84, 0.04),
        ("sliding", 5, 0.88, 0.07),
    ],
)
def test_a_token_quota_is_used_with_mixed_costs_and_settlements(kind, burndown, utilisation, throttled):
    judge(Server(kind, 600e3), 8, utilisation, throttled, costs=partial(tokens, burndown=burndown))


@pytest.mark.parametrize(
    ("kind", "quota", "most", "utilisation", "throttled"),
    [
        # a call: 112 tokens in, plus `most` reserved, 15 used       reached by a client that knows the server's state
        ("bucket 1", 200e3, 512, 0.95, 0.002),  # 1.00
        ("bucket 10", 200e3, 512, 0.99, 0.003),  # 1.00
        ("bucket 10", 200e3, 1024, 0.98, 0.003),  # 1.00
        ("bucket 60", 200e3, 1024, 0.98, 0.003),  # 1.00
        ("bucket 10", 600e3, 3000, 0.98, 0.002),  # 1.00
        ("bucket 60", 60e3, 4096, 0.95, 0.02),  # 1.00
        ("bucket 10", 60e3, 3000, 0.82, 0.015),  # 0.98
        ("sliding", 200e3, 512, 0.66, 0.012),  # 0.76
        ("sliding", 200e3, 1024, 0.54, 0.012),  # 0.60
        ("sliding", 60e3, 3000, 0.31, 0.03),  # 0.36
        ("sliding", 60e3, 4096, 0.25, 0.065),  # 0.30
        ("fixed", 200e3, 512, 0.62, 0.03),  # 0.86
        ("fixed", 200e3, 1024, 0.45, 0.03),  # 0.68
    ],
)
def test_a_quota_is_used_when_answers_use_far_less_than_reserved(kind, quota, most, utilisation, throttled):
    """Nearly all of a reservation comes back seconds later: it is used again, and not mistaken for a refill."""
    judge(Server(kind, quota), 8, utilisation, throttled, costs=lambda _: Cost(112.0 + most, 112.0 + 15))


@pytest.mark.parametrize("quota", [60.0, 600.0])
@every_kind
def test_a_halved_quota_is_respected(kind, quota):
    judge(Server(kind, quota, ((600.0, quota / 2),)), 20, 0.88, 0.06 if quota < 600 else 0.02)


@pytest.mark.parametrize("quota", [60.0, 600.0])
@every_kind
def test_a_doubled_quota_is_found_within_two_and_a_half_minutes(kind, quota):
    for seed in SEEDS:
        ran = drive(Controller(), Server(kind, quota, ((600.0, 2 * quota),)), seed, minutes=14)
        assert ran.reaches(1.8 * quota, after=600.0) <= 150.0
        assert ran.throttle_rate <= (0.04 if quota < 600 else 0.02)


@every_kind
def test_half_of_a_shared_quota_is_left_to_the_other_client(kind):
    judge(Server(kind, 600.0, other=(300.0, 600.0, 0.5)), 15, 0.84, 0.03)


@every_kind
def test_the_whole_quota_is_used_again_when_another_client_leaves(kind):
    for seed in SEEDS:
        ran = drive(Controller(), Server(kind, 600.0, other=(300.0, 600.0, 0.5)), seed, minutes=14)
        assert ran.reaches(0.9 * 600, after=600.0, over=60.0) <= 200.0


@every_kind
def test_a_cold_start_soon_reaches_nine_tenths(kind):
    for seed in SEEDS:
        assert drive(Controller(), Server(kind, 600.0), seed, minutes=3).reaches(540.0) <= 45.0


@every_kind
def test_an_idle_hour_does_no_harm(kind):
    """No burst when calls start again, and the quota is used as before."""
    for seed in SEEDS:
        ran = drive(Controller(), Server(kind, 600.0), seed, minutes=80, idle=(300.0, 3900.0))
        assert sum(3900.0 <= at < 3901.0 for at in ran.sent) <= RATE[Kind.FIXED] * 600 / 60 + 3
        assert ran.rate(3960.0, 4080.0) >= 0.93 * 600
        assert ran.rate(4080.0, 4800.0) >= 0.93 * 600
        assert sum(at >= 3900.0 for at in ran.throttled) <= 60


@every_kind
def test_runs_with_the_same_seed_are_identical(kind):
    one, other = (drive(Controller(), Server(kind, 600.0), 7, minutes=3) for _ in range(2))
    assert one.sent == other.sent
    assert one.throttled == other.throttled


def test_a_server_that_throttles_everything_for_ten_minutes_gets_few_calls():
    for kind in KINDS:
        server = Server(kind, 600.0, ((300.0, 0.0), (900.0, 600.0)))
        ran = drive(Controller(), server, 1, minutes=25)
        assert sum(330.0 <= at < 900.0 for at in ran.throttled) <= 120
        assert ran.reaches(0.9 * 600, after=900.0, over=60.0) <= 300.0


# Arbitrary sequences of events.

AT_MOST = 60
"""Consecutive waits after which a call must have been allowed."""
steps = st.lists(
    st.tuples(st.just("call"), st.floats(0.05, 3.0))
    | st.tuples(st.sampled_from(["throttle", "throttle", "throttle the newest", "end"]), st.floats(0, 1))
    | st.tuples(st.just("take at once"), st.integers(1, 6))
    | st.tuples(st.just("pause"), st.sampled_from([0.0, 0.01, 0.2, 1.0, 20.0, 61.0, 3600.0]))
    | st.tuples(st.just("ask"), st.floats(0.05, 3.0)),
    max_size=120,
)


class Torture:
    """Applies the steps to a controller and checks each wait."""

    def __init__(self, unit: float, now: float = 1000.0) -> None:
        self.controller, self.unit, self.now = Controller(), unit, now
        self.open: list[tuple[float, float]] = []
        self.sent: list[float] = []

    def step(self, what: str, amount: float) -> None:
        if what == "call":
            self.call(amount * self.unit)
        elif what == "ask":
            self.ask(amount * self.unit)
        elif what == "pause":
            self.now += amount
        elif what == "take at once":  # a caller may take without asking
            for _ in range(int(amount)):
                self.take(self.unit)
        elif self.open:
            newest = what == "throttle the newest"
            at, cost = self.open.pop(-1 if newest else int(amount * (len(self.open) - 1)))
            if what == "end":
                self.controller.correct(self.now, at, cost * (0.6 - amount))
            else:
                self.controller.throttled(self.now, at, cost)

    def ask(self, cost: float) -> float:
        wait = self.controller.wait(self.now, cost)
        assert 0.0 <= wait < math.inf
        return wait

    def take(self, cost: float) -> None:
        self.controller.take(self.now, cost)
        self.open.append((self.now, cost))
        self.sent.append(self.now)

    def call(self, cost: float) -> None:
        """Wait until it may start, as a gate does, and start it."""
        for _ in range(AT_MOST):
            if not (wait := self.ask(cost)):
                return self.take(cost)
            self.now += max(wait, 0.001)
        raise AssertionError(f"{AT_MOST} waits and no call, in state {self.controller.state!r}")


@pytest.mark.parametrize("unit", [1.0, 4000.0])
@settings(deadline=None, max_examples=200)
@given(steps)
def test_after_any_events_waits_are_finite_and_calls_go_on(unit, happening):
    torture = Torture(unit)
    for what, amount in happening:
        torture.step(what, amount)
    torture.call(unit)


@settings(deadline=None, max_examples=100)
@given(steps, st.sampled_from([1.0, 3600.0, 86_400.0]))
def test_an_idle_time_is_followed_by_no_faster_rate(happening, idle):
    """The first second has at most three times the calls of the fastest second before."""
    torture = Torture(1.0)
    for what, amount in happening:
        if what != "take at once":
            torture.step(what, 1.0 if what in ("call", "ask") else amount)
    before = max((sum(at <= other < at + 1.0 for other in torture.sent) for at in torture.sent), default=0)
    torture.now += idle
    start = torture.now
    while torture.now < start + 1.0:
        torture.call(1.0)
    after = sum(start <= at < start + 1.0 for at in torture.sent)
    assert after <= max(8, 3 * before)


@pytest.mark.parametrize("throttles", [1, 3, 10])
def test_a_sliding_window_survives_a_throttle_of_the_first_call_after_an_idle_hour(throttles):
    """Another client has used the whole quota: our window is empty, and a limit of 0 would divide by zero."""
    torture = Torture(1.0)
    server = Server("sliding", 60.0)
    drive(torture.controller, server, 3, minutes=10)
    assert isinstance(torture.controller.state, Window)
    torture.now = 4200.0
    for _ in range(throttles):
        torture.call(1.0)
        torture.now += 0.1
        torture.step("throttle the newest", 0.0)
    torture.call(1.0)


def test_a_free_call_never_waits():
    """A call that takes nothing from this quota."""
    controller = Controller()
    controller.take(0.0, 0.0)
    assert controller.wait(0.0, 0.0) == 0.0
    assert controller.wait(0.0, 1.0) == 0.0
    controller.take(0.0, 1.0)
    assert isinstance(controller.state, Ramp)


@every_kind
def test_a_cost_above_the_limit_of_a_window_starts_eventually(kind):
    torture = Torture(1.0)
    drive(torture.controller, Server(kind, 60.0), 3, minutes=5)
    torture.now = 300.0
    torture.call(500.0)
    torture.call(1.0)


@every_kind
def test_the_throttle_of_a_very_old_call_changes_only_the_count(kind):
    controller = Controller()
    drive(controller, Server(kind, 600.0), 3, minutes=10)
    state, total = controller.state, controller.known.log.total
    controller.throttled(600.1, 100.0, 1.0)
    assert controller.known.log.total == total - 1.0
    assert controller.state is state


@every_kind
def test_a_throttle_that_took_minutes_does_not_slow_later_verdicts(kind):
    """A service that hangs once: probes still count as passed after seconds."""
    torture = Torture(1.0)
    drive(torture.controller, Server(kind, 600.0), 3, minutes=5)
    torture.controller.throttled(301.0, 120.0, 1.0)
    torture.now = 301.0
    for _ in range(3):
        torture.call(1.0)
        torture.now += 0.1
        torture.step("throttle the newest", 0.0)
    start = torture.now
    for _ in range(3):
        torture.call(1.0)
    assert torture.now - start < 90.0


def test_the_order_in_which_throttles_arrive_makes_no_difference():
    def after(order: list[int]) -> Controller:
        controller, now, sent = Controller(), 0.0, []
        while len(sent) < 40:
            now += controller.wait(now)
            controller.take(now)
            sent.append(now)
        for index in order:
            controller.throttled(now + 0.1, sent[index], 1.0)
        return controller

    one, other = after([36, 37, 38, 39]), after([36, 39, 37, 38])
    assert type(one.state) is type(other.state) is Probe
    assert one.wait(40.0) == other.wait(40.0)
    assert one.known.log.total == other.known.log.total


def test_wait_gives_the_same_answer_again_and_again():
    for kind in KINDS:
        controller = Controller()
        drive(controller, Server(kind, 600.0), 3, minutes=4)
        assert len({controller.wait(240.0) for _ in range(50)}) == 1
