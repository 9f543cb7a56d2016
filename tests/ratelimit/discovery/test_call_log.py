"""The call log: every sum equals the plain sum."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratelimit.discovery import call_log
from ratelimit.discovery.call_log import KEPT, CallLog


@dataclass
class Plain:
    """The same log kept naively: calls [sent at, cost] and credits (when, sent at, amount)."""

    calls: list[list[float]] = field(default_factory=list)
    credits: list[tuple[float, float, float]] = field(default_factory=list)

    def since(self, start: float) -> float:
        return sum(cost for at, cost in self.calls if at >= start)

    def total_at(self, time: float) -> float:
        """What was charged by `time` and not throttled since."""
        back = sum(amount for when, at, amount in self.credits if when > time and at <= time)
        return sum(cost for at, cost in self.calls if at <= time) + back


pauses = st.floats(0.01, 40) | st.just(0.0)
costs = st.floats(0.0, 1000)
events = st.lists(
    st.tuples(st.just("add"), pauses, costs)
    | st.tuples(st.sampled_from(["credit", "throttle"]), pauses, st.floats(0, 1))
    | st.tuples(st.just("ask"), pauses, st.floats(0, 100)),
    max_size=150,
)


@pytest.fixture(params=[2, call_log._BATCH], ids=["trims often", "trims rarely"])
def _batch(request, monkeypatch):
    monkeypatch.setattr(call_log, "_BATCH", request.param)


def replay(steps, ask):
    """Apply all steps to a log and its plain twin; call `ask` with (log, plain, now, argument) at each "ask" step."""
    log, plain, now, taken = CallLog(), Plain(), 1000.0, []
    for what, pause, amount in steps:
        now += pause
        if what == "add":
            log.add(now, amount)
            plain.calls.append([now, amount])
            taken.append([now, amount])
        elif what == "ask":
            ask(log, plain, now, amount)
        elif taken:
            at, cost = call = taken.pop(int(amount * (len(taken) - 1)))
            entry = plain.calls[plain.calls.index(call)]
            if what == "throttle":
                log.throttle(at, cost)
                entry[1] = 0.0
            else:
                delta = cost * (1 - 2 * amount)
                log.credit(now, at, delta)
                entry[1] += delta
                plain.credits.append((now, at, -delta))
    return log, plain, now


def close(value):
    return pytest.approx(value, rel=1e-9, abs=1e-6)


@pytest.mark.usefixtures("_batch")
@given(events)
def test_the_sum_since_a_moment_equals_the_plain_sum_wherever_it_moves(steps):
    def ask(log, plain, now, back):
        start = now - 60.0 - back / 2
        assert log.since(start) == close(plain.since(start))

    replay(steps, ask)


@pytest.mark.usefixtures("_batch")
@given(events)
def test_sums_over_an_interval_equal_the_plain_sums(steps):
    def ask(log, plain, now, back):
        time = now - back
        assert log.after(time) == close(sum(cost for at, cost in plain.calls if at > time))
        assert log.between(time, now - back / 2) == close(
            sum(cost for at, cost in plain.calls if time < at <= now - back / 2)
        )
        assert log.count_after(time) == sum(at > time for at, _ in plain.calls)
        assert log.oldest_after(time) == min((at for at, _ in plain.calls if at > time), default=None)
        given_back = (amount for when, sent, amount in plain.credits if sent <= time < when)
        assert log.credits_after(time) == close(sum(given_back))
        until, sent_by = now - back / 2, now - back / 4
        given_back = (amount for when, sent, amount in plain.credits if sent <= sent_by and time < when <= until)
        assert log.credits_after(time, until, sent_by=sent_by) == close(sum(given_back))

    replay(steps, ask)


@pytest.mark.usefixtures("_batch")
@given(events)
def test_a_past_total_is_what_had_been_charged_by_then(steps):
    def ask(log, plain, now, back):
        assert log.total_at(now - back) == close(plain.total_at(now - back))

    log, plain, now = replay(steps, ask)
    assert log.total_at(now) == log.total == close(sum(cost for _, cost in plain.calls))


def test_a_later_call_is_not_in_a_past_total():
    """Fast models answer while probes are still in flight."""
    log = CallLog()
    log.add(0.0, 10.0)
    log.add(5.0, 10.0)
    log.credit(6.0, 5.0, -4.0)
    assert log.total_at(1.0) == 10.0


def test_a_call_that_ended_later_counts_its_reservation_in_a_past_total():
    log = CallLog()
    log.add(0.0, 10.0)
    log.credit(6.0, 0.0, -4.0)
    assert (log.total_at(1.0), log.total_at(6.0)) == (10.0, 6.0)


def test_calls_held_at_a_past_moment_their_reservation_or_use_by_then():
    """It bounds the limit of a window: answers give back in seconds most of what was held at a throttle."""
    log = CallLog()
    for at in (0.0, 5.0, 9.0):
        log.add(at, 10.0)
    log.credit(6.0, 0.0, -4.0)
    log.credit(7.0, 5.0, -4.0)
    assert log.held(-1.0, 5.5) == 20.0
    assert log.held(-1.0, 6.0) == 16.0
    assert log.held(-1.0, 8.0) == log.between(-1.0, 8.0) == 12.0


def test_a_throttled_call_counts_nowhere():
    log = CallLog()
    log.add(1.0, 10.0)
    log.add(2.0, 20.0)
    log.throttle(1.0, 10.0)
    assert (log.since(0.0), log.total, log.calls, log.total_at(1.5)) == (20.0, 20.0, 1, 0.0)


def test_of_several_calls_at_one_instant_any_can_be_corrected():
    log = CallLog()
    for cost in (1.0, 2.0, 4.0):
        log.add(5.0, cost)
    log.throttle(5.0, 4.0)
    log.credit(6.0, 5.0, -2.0)
    assert log.since(5.0) == log.between(4.0, 5.0) == 1.0
    assert log.since(5.1) == 0.0


def test_the_log_finds_the_last_call_that_must_leave():
    log = CallLog()
    for at in (1.0, 2.0, 3.0):
        log.add(at, 10.0)
    assert log.since(0.0) == 30.0
    assert [log.last_to_leave(most) for most in (25.0, 20.0, 19.0, 9.0, 0.0)] == [1.0, 1.0, 2.0, 3.0, 3.0]
    log.since(1.5)
    assert log.last_to_leave(10.0) == 2.0


def test_the_sum_since_a_moment_stays_right_when_old_calls_are_dropped():
    log = CallLog()
    for tick in range(60_000):
        log.add(tick / 100, 1.0)
    assert log.dropped > 0
    assert log.since(590.0) == log.between(590.0 - 1e-9, 1e9) == 1000.0


def test_calls_of_one_instant_may_be_dropped_in_part(monkeypatch):
    monkeypatch.setattr(call_log, "_BATCH", 2)
    log = CallLog()
    for at in (0.0, 1.0, 1.0, 250.0):
        log.add(at, 1.0)
    assert log.dropped == 2
    assert log.since(240.0) == 1.0


def test_memory_does_not_grow_with_the_calls():
    log = CallLog()
    for tick in range(60_000):
        log.add(tick / 20, 1.0)
        log.credit(tick / 20, tick / 20, -0.5)
    assert max(len(log._times), len(log._credits)) <= KEPT * 20 + 2 * call_log._BATCH
    assert log.total == 30_000.0


def test_a_correction_of_a_dropped_call_still_counts_in_the_total():
    log = CallLog()
    for tick in range(60_000):
        log.add(tick / 20, 1.0)
    log.credit(3000.0, 0.0, -0.5)
    assert log.total == 59_999.5
    assert log.after(2990.0) == log.count_after(2990.0)
