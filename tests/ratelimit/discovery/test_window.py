"""The window state: what it sends, when it tries more, and how throttles change the limit."""

import heapq
import math
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratelimit.algorithms.fixed_window import FixedWindow
from ratelimit.algorithms.protocol import Limiter
from ratelimit.algorithms.sliding_log import SlidingLog
from ratelimit.discovery.knowledge import Kind, Knowledge
from ratelimit.discovery.state import Block, FoundWindow, Stopped, Throttle
from ratelimit.discovery.window import RATE, TRY_AFTER, TRY_UNTIL, UnseenCalls, Window

S, F = Kind.SLIDING, Kind.FIXED
kinds = pytest.mark.parametrize("kind", [S, F])
START = 1000.0
"""When calls pass again; a fixed window began then."""


def server(kind: Kind, quota: float) -> Limiter:
    return SlidingLog(quota) if kind is S else FixedWindow(quota, phase=START - 60.0)


def found(kind: Kind, limit: float, *, known: Knowledge | None = None, start: float = START) -> Window:
    """The state after a block that ended at `start`."""
    known = known or Knowledge()
    known.mean = known.mean or 1.0
    known.round_trip = 0.2
    throttle = Throttle(start - 1.0, 1.0)
    block = Block(Stopped(Throttle(start - 30.0, 1.0), 20.0), throttle, start, True)
    return Window.after(known, FoundWindow(block, kind, limit), start)


@dataclass
class Drive:
    """A client that always has work, and a server that decides at once; throttles take 0.1 s to arrive."""

    window: Window
    server: Limiter
    cost: float = 1.0
    now: float = START
    sent: list[float] = field(default_factory=list)
    throttled: list[float] = field(default_factory=list)
    findings: list[object] = field(default_factory=list)
    late: list[float] = field(default_factory=list)

    def until(self, end: float) -> "Drive":
        """Run until `end`."""
        while self.now < end and not self.findings:
            while self.late and self.late[0] + 0.1 <= self.now:
                self._throttle(heapq.heappop(self.late))
            if self.window.deadline <= self.now:
                self.window.on_deadline()
            if (wait := self.window.wait(self.now, self.cost)) > 0.0:
                due = min(self.now + max(wait, 0.001), end)
                self.now = min(due, self.late[0] + 0.1) if self.late else due
                continue
            self.window.known.sent(self.now, self.cost)
            self.window.sent(self.now, self.cost)
            self.sent.append(self.now)
            if self.server.wait(self.now, self.cost) == 0.0:
                self.server.take(self.now, self.cost)
            else:
                heapq.heappush(self.late, self.now)
        return self

    def _throttle(self, at: float) -> None:
        self.throttled.append(at)
        self.window.known.log.throttle(at, self.cost)
        if finding := self.window.throttled(self.now, Throttle(at, self.cost)):
            self.findings.append(finding)

    def between(self, start: float, end: float) -> int:
        return sum(start <= at < end for at in self.sent)


@kinds
def test_a_right_limit_is_used_without_throttles_until_the_first_trial(kind):
    drive = Drive(found(kind, 240.0), server(kind, 240.0)).until(START + 60.0)
    assert len(drive.sent) == 240
    assert not drive.throttled


def test_an_empty_sliding_window_fills_ever_more_slowly_and_a_full_one_is_used_evenly():
    drive = Drive(found(S, 600.0), server(S, 600.0)).until(START + 400.0)

    def filled(seconds: float) -> float:  # U' = 600/60 x (1 + 2 x (1 - U/600))
        return 900.0 * (1.0 - math.exp(-seconds / 30.0))

    assert [drive.between(START, START + end) for end in (10.0, 20.0, 30.0)] == [
        pytest.approx(filled(end), abs=4) for end in (10.0, 20.0, 30.0)
    ]
    ends = range(330, 390, 10)
    spread = [drive.between(START + end, START + end + 10.0) for end in ends]
    assert all(70 <= calls <= 130 for calls in spread)


def test_a_fixed_window_is_used_early_as_its_end_is_uncertain():
    drive = Drive(found(F, 600.0), server(F, 600.0)).until(START + 30.0)
    assert drive.between(START, START + 21.0) == 600


def test_a_trial_corrects_a_fixed_window_estimated_one_call_too_low():
    drive = Drive(found(F, 9.5), server(F, 10.0)).until(START + 1200.0)
    whole = [drive.between(START + 60.0 * minute, START + 60.0 * (minute + 1)) for minute in range(6, 20)]
    assert min(whole) == 10


@kinds
@settings(deadline=None, max_examples=30)
@given(st.floats(10, 290), st.floats(1.0, 5.0))
def test_no_minute_exceeds_the_limit_before_the_first_trial(kind, limit, cost):
    window, now, sent = found(kind, limit), START, []
    while now < START + 75.0:  # the first trial comes later
        if (wait := window.wait(now, cost)) > 0.0:
            now += max(wait, 0.001)
            continue
        window.known.sent(now, cost)
        window.sent(now, cost)
        sent.append(now)
    begin = 60.0 * ((now - START) // 60.0)
    last = [at for at in sent if (at >= START + begin if kind is F else at > now - 60.0)]
    assert len(last) * cost <= max(limit, 1.01 * window.known.mean) + 1e-6


def test_a_sliding_window_has_room_again_a_minute_and_a_margin_after_each_call():
    window = found(S, 10.0)
    for n in range(10):
        window.known.sent(START + n, 1.0)
        window.sent(START + n, 1.0)
    assert window.wait(START + 20.0, 1.0) == pytest.approx(60.1 - 20.0, abs=0.01)
    assert window.wait(START + 20.0, 3.0) == pytest.approx(62.1 - 20.0, abs=0.01)
    assert window.wait(START + 60.2, 1.0) == 0.0


def test_unseen_calls_leave_a_sliding_window_evenly():
    unseen = UnseenCalls(until=60.0)
    assert unseen.remaining(10.0) == unseen.seconds_until_left(10.0, 5.0) == 0.0
    unseen.measured(20.0, 100.0)
    assert [unseen.remaining(now) for now in (20.0, 30.0, 59.0, 60.0, 61.0)] == [100.0, 75.0, 2.5, 0.0, 0.0]
    assert unseen.seconds_until_left(30.0, 7.5) == pytest.approx(3.0)
    assert unseen.seconds_until_left(30.0, 500.0) == 30.0


def test_a_fixed_window_refills_at_its_end():
    window = found(F, 10.0)
    for n in range(10):
        window.known.sent(START + n, 1.0)
        window.sent(START + n, 1.0)
    assert window.wait(START + 20.0, 1.0) == pytest.approx(40.0, abs=0.01)
    assert window.wait(START + 60.01, 10.0) == 0.0


@kinds
def test_credits_make_room_at_once(kind):
    window = found(kind, 10.0)
    for n in range(10):
        window.known.sent(START + 5.8 * n, 1.0)
        window.sent(START + 5.8 * n, 1.0)
    assert window.wait(START + 58.0, 1.0) >= 2.0
    window.known.log.credit(START + 58.0, START + 5.8, -1.0)
    window.credited(0.0, -1.0)
    assert window.wait(START + 58.0, 1.0) == 0.0


@kinds
def test_a_cost_above_the_limit_starts_when_the_window_is_empty(kind):
    window = found(kind, 10.0)
    assert window.wait(START + 1.0, 25.0) == 0.0
    window.known.sent(START + 1.0, 1.0)
    window.sent(START + 1.0, 1.0)
    wait = window.wait(START + 2.0, 25.0)
    assert wait > 50.0
    assert window.wait(START + 2.0 + wait, 25.0) == 0.0


@kinds
def test_a_throttled_trial_costs_one_call_and_keeps_the_limit(kind):
    drive = Drive(found(kind, 100.0), server(kind, 100.0)).until(START + 160.0)
    assert len(drive.throttled) == 1
    assert drive.window.known.limit == 100.0
    assert not drive.findings


@kinds
def test_the_first_call_of_a_trial_goes_one_call_ahead_of_its_turn_and_no_further(kind):
    """A call that used more than it reserved puts off the next one, and a trial sent before that would be throttled."""
    window = found(kind, 100.0)
    window.try_after = 0.0
    for _ in range(100):
        window.known.sent(START + 10.0, 1.0)
        window.sent(START + 10.0, 1.0)
    window.credited(START + 10.0, 5.0)
    turn = window.wait(START + 10.0, 1.0)
    assert turn >= 5.0 / window.rate
    assert window.wait(START + 10.0 + turn, 1.0) < 1e-9


@kinds
def test_trials_that_find_nothing_are_rare_and_cost_no_utilisation(kind):
    drive = Drive(found(kind, 100.0), server(kind, 100.0)).until(START + 3600.0)
    gaps = [later - earlier for earlier, later in pairwise(drive.throttled)]
    assert min(gaps) >= TRY_AFTER - 0.2
    assert len(drive.sent) - len(drive.throttled) >= 0.985 * 6000


def test_a_sliding_window_that_holds_more_is_measured_again():
    """The limit may have grown because it is a fixed window first seen in its middle, so a probe follows."""
    drive = Drive(found(S, 300.0), server(S, 600.0)).until(START + 150.0)
    (finding,) = drive.findings
    assert isinstance(finding, Stopped)
    assert finding.grew
    assert drive.window.known.limit == pytest.approx(600.0, rel=0.02)


def test_a_grown_fixed_window_is_found_with_few_throttles():
    drive = Drive(found(F, 300.0), server(F, 600.0)).until(START + 300.0)
    assert not drive.findings
    assert drive.window.known.limit == pytest.approx(600.0, rel=0.02)
    assert len(drive.throttled) <= 16  # it grows in steps of up to 2 %
    assert drive.between(START + 240.0, START + 300.0) == pytest.approx(600, abs=12)


def test_no_trial_starts_late_in_a_fixed_window():
    drive = Drive(found(F, 100.0), server(F, 100.0)).until(START + 1800.0)
    assert drive.throttled
    assert all((at - START) % 60.0 <= TRY_UNTIL + 1.0 for at in drive.throttled)


@kinds
def test_an_unplanned_throttle_lowers_the_limit_to_what_the_window_held(kind):
    drive = Drive(found(kind, 600.0), server(kind, 450.0)).until(START + 58.0)
    assert drive.window.known.limit == pytest.approx(450.0, rel=0.05)
    assert len(drive.throttled) <= 6
    drive.until(START + 120.0)
    assert drive.between(START + 60.0, START + 120.0) >= 400


@kinds
def test_a_burst_of_throttles_is_one_event(kind):
    window = found(kind, 600.0)
    for n in range(300):
        window.known.sent(START + n / 10, 1.0)
        window.sent(START + n / 10, 1.0)
    burst = [START + 29.5 + n / 10 for n in range(5)]
    for at in burst:
        window.known.log.throttle(at, 1.0)
        assert window.throttled(START + 30.1, Throttle(at, 1.0)) is None
    assert window.known.limit == pytest.approx(295.0, abs=1)
    assert window.wait(START + 30.1, 1.0) >= 0.24


def test_a_fixed_window_that_throttles_early_is_measured_again():
    window = found(F, 600.0)
    for n in range(100):
        window.known.sent(START + n / 10, 1.0)
        window.sent(START + n / 10, 1.0)
    assert isinstance(window.throttled(START + 10.1, Throttle(START + 9.9, 1.0)), Stopped)


def test_a_sliding_window_that_throttles_four_times_in_a_row_is_measured_again():
    drive = Drive(found(S, 600.0), server(S, 600.0)).until(START + 30.0)
    drive.server = SlidingLog(0.5)
    drive.until(START + 75.0)
    assert len(drive.findings) == 1
    assert len(drive.throttled) <= 12


def test_a_sliding_window_that_throttles_the_first_call_after_an_idle_hour_stays_usable():
    """The window was empty, and a limit of 0 would never be tried again."""
    window = found(S, 600.0)
    now = START + 3600.0
    for _ in range(3):
        now += window.wait(now, 1.0)
        window.known.sent(now, 1.0)
        window.sent(now, 1.0)
        window.known.log.throttle(now, 1.0)
        window.throttled(now + 0.1, Throttle(now, 1.0))
        now += 0.1
    assert window.known.limit >= 1.0
    assert window.wait(now, 1.0) < 60.0


@kinds
def test_an_idle_hour_is_followed_by_no_burst(kind):
    drive = Drive(found(kind, 600.0), server(kind, 600.0)).until(START + 30.0)
    drive.now = START + 3600.0
    drive.until(START + 3601.0)
    assert drive.between(START + 3600.0, START + 3601.0) <= RATE[F] * 600 / 60 + 2


@kinds
def test_another_client_gets_room_and_the_rest_is_used(kind):
    """It uses up to a fifth of the quota from half a minute on: the limit falls, the kind stays."""
    drive, taken = Drive(found(kind, 600.0), server(kind, 600.0)), 0
    for half in range(60, 600):
        drive.until(START + half / 2)
        if drive.server.wait(drive.now, 1.0) == 0.0:  # two a second
            drive.server.take(drive.now, 1.0)
            taken += 1
    assert not drive.findings
    assert taken >= 100  # of 600 tries; a fixed window is used up early
    assert len(drive.throttled) <= 0.06 * len(drive.sent)
    assert len(drive.sent) - len(drive.throttled) + taken >= 0.9 * 600 * 5
