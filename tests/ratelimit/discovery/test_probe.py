"""Probing after the first throttle: which kind of quota it finds, and how soon."""

import heapq
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratelimit.algorithms.fixed_window import FixedWindow
from ratelimit.algorithms.protocol import Limiter
from ratelimit.algorithms.sliding_log import SlidingLog
from ratelimit.algorithms.token_bucket import TokenBucket
from ratelimit.discovery.knowledge import MARGIN, MIN_VERDICT_TIME, Kind, Knowledge
from ratelimit.discovery.probe import MAX_GAP, Probe
from ratelimit.discovery.state import Finding, FoundBucket, FoundWindow, Stopped, Throttle

ROUND_TRIP = 0.1
"""Seconds from sending a call to its throttle; the call reaches the server at once."""


def passed(probe: Probe, now: float) -> Finding | None:
    """What the pending probe shows if no throttle result by `now`."""
    return probe.on_deadline() if probe.deadline <= now else None


Late = list[tuple[float, Throttle]]
"""Throttles on their way back."""


@dataclass
class Found:
    """The result of probing."""

    finding: FoundBucket | FoundWindow
    calls: int
    """Probes sent."""
    throttled: int
    seconds: float
    """Since the first throttle arrived."""
    known: Knowledge


def found(server: Limiter, rate: float, *, cost: float = 1.0, kind: Kind | None = None) -> Found:
    """Send at an even rate until the server throttles, then probe."""
    known, now = Knowledge(kind=kind), 1000.0
    known.round_trip = ROUND_TRIP
    if kind is Kind.BUCKET:
        known.base = rate
    while server.wait(now, cost) == 0.0:
        server.take(now, cost)
        known.sent(now, cost)
        now += cost / rate
    late: Late = []
    first = Throttle(now, cost)
    while now < first.at + ROUND_TRIP:  # calls in flight when the first throttle arrives
        known.sent(now, cost)
        if server.wait(now, cost) == 0.0:
            server.take(now, cost)
        else:
            heapq.heappush(late, (now + ROUND_TRIP, Throttle(now, cost)))
        now += cost / rate
    return _probed(server, known, first, rate, late)


def _probed(server: Limiter, known: Knowledge, first: Throttle, rate: float, late: Late) -> Found:
    probe, now, calls, throttled = None, first.at + ROUND_TRIP, 0, 0
    start = now
    while now < start + 300:
        while late and late[0][0] <= now:
            _, throttle = heapq.heappop(late)
            known.log.throttle(throttle.at, throttle.cost)
            if probe is None:
                probe = Probe.after(known, Stopped(throttle, rate), now)
                continue
            if (finding := probe.throttled(now, throttle)) is not None:
                return Found(finding, calls, throttled, now - start, known)
        assert probe is not None
        if (finding := passed(probe, now)) is not None:
            return Found(finding, calls, throttled, now - start, known)
        wait = probe.wait(now, first.cost)
        if wait <= 0.0:
            known.sent(now, first.cost)
            probe.sent(now, first.cost)
            calls += 1
            if server.wait(now, first.cost) == 0.0:
                server.take(now, first.cost)
            else:
                throttled += 1
                heapq.heappush(late, (now + ROUND_TRIP, Throttle(now, first.cost)))
            continue
        now = min(now + wait, late[0][0]) if late else now + wait
    raise AssertionError(f"nothing was found in 300 s by {calls} calls, of which {throttled} were throttled")


def bucket(rpm: float, seconds: float) -> TokenBucket:
    return TokenBucket(rpm / 60, max(1.0, rpm / 60 * seconds))


B, S, F = Kind.BUCKET, Kind.SLIDING, Kind.FIXED


def kind_of(finding: FoundBucket | FoundWindow) -> Kind:
    return finding.kind if isinstance(finding, FoundWindow) else Kind.BUCKET


@pytest.mark.parametrize(
    ("server", "rate", "kind", "throttled", "seconds"),
    [
        # server                    calls/s  kind, max probes throttled, max seconds
        (bucket(600, 1), 20.0, B, 0, 1.0),
        (bucket(600, 10), 25.0, B, 0, 1.0),
        (bucket(600, 60), 60.0, B, 0, 1.0),
        (bucket(6000, 1), 200.0, B, 0, 1.0),
        (bucket(60, 1), 4.0, B, 2, 2.0),
        (bucket(60, 10), 5.0, B, 2, 2.0),
        (bucket(10, 1), 4.0, B, 7, 25.0),
        (SlidingLog(600), 60.0, S, 10, 75.0),
        (SlidingLog(60), 12.0, S, 10, 75.0),
        (SlidingLog(6000), 500.0, S, 10, 75.0),
        (FixedWindow(600, phase=10.0), 60.0, F, 8, 70.0),
        (FixedWindow(600, phase=35.0), 60.0, F, 8, 70.0),
        (FixedWindow(60, phase=50.0), 12.0, F, 8, 70.0),
        (FixedWindow(6000, phase=20.0), 500.0, F, 8, 70.0),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "wait") else str(value),
)
def test_the_kind_of_a_quota_is_found(server, rate, kind, throttled, seconds):
    result = found(server, rate)
    assert kind_of(result.finding) is kind
    assert result.throttled <= throttled
    assert result.seconds <= seconds


def test_the_limit_of_a_sliding_window_is_what_it_held():
    result = found(SlidingLog(600), 60.0)
    assert isinstance(result.finding, FoundWindow)
    assert result.finding.limit == pytest.approx(600, abs=1)


def test_the_limit_and_boundary_of_a_fixed_window_are_found():
    result = found(FixedWindow(600, phase=10.0), 60.0)
    assert isinstance(result.finding, FoundWindow)
    assert result.finding.limit == pytest.approx(600, abs=2)
    assert 1030.0 <= result.finding.block.survivor <= 1030.0 + MAX_GAP + 1.0  # 10 + 17 x 60


@pytest.mark.parametrize("quota", [600.0, 6000.0])
def test_a_known_bucket_is_confirmed_by_a_single_call(quota):
    result = found(TokenBucket(quota / 60, quota / 6), quota / 60 * 1.05, kind=B)
    assert (kind_of(result.finding), result.throttled) == (B, 0)
    assert result.seconds < 1.0


@settings(deadline=None, max_examples=40)
@given(st.floats(30, 3000), st.floats(1, 60), st.floats(1.3, 6))
def test_a_bucket_is_never_taken_for_a_window(quota, seconds, overshoot):
    assert kind_of(found(bucket(quota, seconds), quota / 60 * overshoot).finding) is B


@settings(deadline=None, max_examples=40)
@given(st.floats(60, 1000), st.floats(2, 12))
def test_a_window_is_never_taken_for_a_bucket(quota, overshoot):
    assert kind_of(found(SlidingLog(round(quota)), quota / 60 * overshoot).finding) is not B
    assert kind_of(found(FixedWindow(round(quota), phase=40.0), quota / 60 * overshoot).finding) is not B


def stopped_after(calls: int, cost: float, rate: float) -> tuple[Probe, Knowledge, float]:
    """Calls at an even rate, the last one throttled; the probe, its knowledge and when it begins."""
    known = Knowledge()
    known.round_trip = ROUND_TRIP
    for n in range(calls + 1):
        known.sent(1000.0 + n * cost / rate, cost)
    at = 1000.0 + calls * cost / rate
    known.log.throttle(at, cost)
    return Probe.after(known, Stopped(Throttle(at, cost), rate), at + ROUND_TRIP), known, at + ROUND_TRIP


def send(probe: Probe, known: Knowledge, now: float, cost: float) -> float:
    """Send as soon as the probe allows it; return the time."""
    now += probe.wait(now, cost)
    known.sent(now, cost)
    probe.sent(now, cost)
    return now


def throttle(probe: Probe, known: Knowledge, at: float, cost: float):
    known.log.throttle(at, cost)
    return probe.throttled(at + ROUND_TRIP, Throttle(at, cost))


def test_each_throttled_probe_doubles_the_gap_up_to_a_maximum():
    probe, known, now = stopped_after(10, 1.0, 10.0)
    gaps = []
    for _ in range(9):
        at = send(probe, known, now, 1.0)
        gaps.append(round(at - now, 3))
        assert throttle(probe, known, at, 1.0) is None
        now = at + ROUND_TRIP
    # The sixth is sent when the oldest call leaves a sliding window.
    assert gaps[:6] == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0]
    assert max(gaps) == MAX_GAP


def test_one_probe_is_sent_when_the_oldest_call_leaves_a_sliding_window():
    probe, known, now = stopped_after(10, 1.0, 10.0)
    sent = []
    while now < 1062.0:
        at = send(probe, known, now, 1.0)
        throttle(probe, known, at, 1.0)
        sent.append(at)
        now = at + ROUND_TRIP
    assert any(at == pytest.approx(1060.0 + MARGIN) for at in sent)


def test_between_a_probe_and_its_verdict_nothing_is_sent():
    probe, known, now = stopped_after(10, 1.0, 10.0)
    at = send(probe, known, now, 1.0)
    assert probe.wait(at, 1.0) == pytest.approx(max(MIN_VERDICT_TIME, 1.25 * ROUND_TRIP))
    assert passed(probe, at + MIN_VERDICT_TIME / 2) is None
    assert isinstance(passed(probe, at + MIN_VERDICT_TIME + 1e-9), FoundBucket)


def test_throttles_of_calls_in_flight_at_the_stop_do_not_widen_the_gap():
    probe, known, now = stopped_after(10, 1.0, 10.0)
    gap = probe.gap
    for at in (1000.9, 1000.7, 1000.8):
        assert throttle(probe, known, at, 1.0) is None
    assert probe.gap == gap
    assert probe.wait(now, 1.0) == pytest.approx(gap)


def end(probe: Probe, known: Knowledge, now: float, sent_at: float, unused: float) -> None:
    """The call sent at `sent_at` ends and gives back what it did not use."""
    known.log.credit(now, sent_at, -unused)
    probe.credited(sent_at, -unused)


def throttled_once(cost: float) -> tuple[Probe, Knowledge, float]:
    """Calls of this cost at ten a second, a stop, and a throttled first probe; when that was sent."""
    probe, known, now = stopped_after(100, cost, 10 * cost)
    at = send(probe, known, now, cost)
    throttle(probe, known, at, cost)
    return probe, known, at


def test_credits_of_ended_calls_are_spent_at_once():
    """Where answers use little, credits are most of the quota, and a small bucket cannot hold them."""
    probe, known, at = throttled_once(2000.0)
    for n in range(3):
        end(probe, known, at + 0.2, 1000.0 + n / 10, 1500.0)
    assert probe.wait(at + 0.2, 2000.0) == 0.0
    send(probe, known, at + 0.2, 2000.0)
    assert probe.wait(at + 0.2, 2000.0) == 0.0
    send(probe, known, at + 0.2, 2000.0)
    assert probe.wait(at + 0.2, 2000.0) > 0.0  # 500 are left
    end(probe, known, at + 0.3, 1000.5, 1500.0)
    assert probe.wait(at + 0.3, 2000.0) == 0.0


def test_calls_that_pass_on_credits_prove_nothing():
    """A window returns credits at once: a probe that passes on them says nothing about how it refills."""
    cost = 2000.0
    probe, known, at = throttled_once(cost)
    end(probe, known, at + 0.2, 1000.0, 1500.0)
    now = send(probe, known, at + ROUND_TRIP, cost)  # the credits may have let it pass
    assert passed(probe, now + 0.3) is None
    now = send(probe, known, now, cost)  # so another one, at once
    assert isinstance(passed(probe, now + 0.3), FoundBucket)


def test_a_credit_while_a_probe_travels_may_be_what_lets_it_pass():
    cost = 2000.0
    probe, known, at = throttled_once(cost)
    end(probe, known, at + 0.2, 1000.0, 1500.0)
    now = send(probe, known, at + ROUND_TRIP, cost)
    now = send(probe, known, now, cost)
    end(probe, known, now + 0.01, 1000.1, 1500.0)
    assert passed(probe, now + 0.3) is None


def test_a_known_bucket_needs_no_proof():
    cost = 2000.0
    probe, known, at = throttled_once(cost)
    known.kind = Kind.BUCKET
    end(probe, known, at + 0.2, 1000.0, 1500.0)
    now = send(probe, known, at + ROUND_TRIP, cost)
    assert isinstance(passed(probe, now + 0.3), FoundBucket)


def test_without_credits_a_probe_that_passes_proves_a_bucket():
    probe, known, at = throttled_once(2000.0)
    now = send(probe, known, at + ROUND_TRIP, 2000.0)
    assert isinstance(passed(probe, now + 0.3), FoundBucket)
