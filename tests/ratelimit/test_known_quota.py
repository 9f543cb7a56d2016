"""The mirror of a configured quota: used in full, hardly ever throttled, and shared with others."""

import math
import random

import engine_gates
import pytest
import rate_measures as measures
from asking import decisions, steps
from hypothesis import given, settings
from hypothesis import strategies as st
from one_client import Server, drive

from jobs.emulator.quotas import QuotaRules
from jobs.simulation.engine_run import Run, run
from jobs.simulation.measures import lost
from jobs.simulation.scenario import QuotaChange, Scenario, Tenant
from jobs.simulation.workload import Workload
from ratelimit.algorithms.token_bucket import TokenBucket
from ratelimit.known_quota import MAX_TRAVEL, MIN_TRAVEL, SHARED_CALLS, SHARED_THROTTLES, TERM, UNBOUND, KnownQuota

SPREAD = MAX_TRAVEL - MIN_TRAVEL
START = 1_234.5


def simulated(rules: QuotaRules, *, max_tokens: int = 1024, seconds: float = 180.0, **scenario: object) -> Run:
    return run(
        Scenario(rules, 1, **scenario),  # type: ignore[arg-type]
        Workload(1, max_tokens=max_tokens),
        lambda: engine_gates.configured(rules, max_tokens),
        seconds=seconds,
    )


@pytest.mark.parametrize(
    ("rate", "burst", "cost", "apart"),
    [
        # A call that takes the whole burst waits for a full bucket, plus the spread of the travel times.
        (1.0, 1.0, 1.0, 1.0 + SPREAD),
        (0.5, 0.5, 1.0, 2.0 + SPREAD),
        (10.0, 10.0, 30.0, 3.0 + SPREAD),
        # Others start at the rate, once the surplus of the burst is spent.
        (10.0, 10.0, 1.0, 0.1),
        (100.0, 100.0, 5.0, 0.05),
    ],
)
def test_calls_start_at_the_rate_and_allow_for_travel_times(rate, burst, cost, apart):
    quota, now, sent = KnownQuota(rate, burst), START, []
    while len(sent) < 300:
        wait = quota.wait(now, min(cost, quota.limit))
        if wait > 0:
            now += max(wait, 1e-9)
            continue
        quota.take(now, cost)
        sent.append(now)
    assert (sent[-1] - sent[99]) / 200 == pytest.approx(apart, rel=1e-3)


@pytest.mark.parametrize("rpm", [20, 30, 60, 119, 120, 300, 600, 6000])
def test_a_configured_quota_is_used_and_never_exceeded_with_uneven_travel_times(rpm):
    travel = random.Random(rpm)
    quota, server, sent, now = KnownQuota(rpm / 60, rpm / 60), TokenBucket(rpm / 60, rpm / 60), [], 0.0
    while now < 600:
        if (wait := quota.wait(now, min(1.0, quota.limit))) > 0:
            now += max(wait, 1e-9)
            continue
        quota.take(now)
        sent.append(now + travel.uniform(MIN_TRAVEL, MAX_TRAVEL))
    for arrival in sorted(sent):
        assert server.wait(arrival, min(1.0, server.limit)) < 1e-9
        server.take(arrival)
    assert len(sent) >= 0.98 * rpm * 10


@given(
    st.lists(st.tuples(st.floats(0, 3), st.floats(0.01, 1), st.floats(-1, 0.5)), min_size=1, max_size=60),
    st.floats(0.05, 50),
    st.floats(0.1, 20),
)
def test_no_interval_admits_more_than_the_burst_plus_refill(calls, rate, seconds):
    """While nothing is throttled; credits of ended calls may be used again."""
    burst = rate * seconds
    quota, now, charges = KnownQuota(rate, burst), START, []
    for pause, share, correction in calls:
        now += pause
        cost = share * burst
        while (wait := quota.wait(now, cost)) > 0:
            now += max(wait, 1e-9)
        quota.take(now, cost)
        charges.append((now, cost))
        if correction:
            quota.correct(now, now, correction * cost)
            charges.append((now, correction * cost))
        for first, (begin, _) in enumerate(charges):
            if (window := math.fsum(charge for _, charge in charges[first:])) > 0 and correction <= 0:
                assert window <= burst + rate * (now - begin + MIN_TRAVEL) + 1e-6 * burst


@given(st.lists(st.tuples(st.floats(0, 0.2), st.floats(0.1, 3.0)), min_size=1, max_size=50))
def test_a_cancelled_call_takes_nothing(calls):
    quota, now = KnownQuota(10.0, 10.0), START
    for pause, cost in calls:
        now += pause
        quota.take(now, cost)
        quota.correct(now, now, -cost)
    assert quota.wait(now, quota.limit) == 0.0


def test_a_free_call_does_not_wait():
    quota = KnownQuota(1.0, 1.0)
    quota.take(START, 30.0)
    assert quota.wait(START, 0.0) == 0.0
    assert quota.wait(START, 1.0) > 29.0
    assert quota.wait(START, 1.1) == math.inf


def test_a_throttle_delays_the_next_call_once():
    quota = KnownQuota(10.0, 10.0)
    quota.take(START)
    quota.take(START + 0.05)
    quota.throttled(START + 0.2, START, 1.0)
    once = quota.wait(START + 0.2)
    quota.throttled(START + 0.2, START + 0.05, 1.0)
    assert 0.3 < once <= 1.0
    assert quota.wait(START + 0.2) == pytest.approx(once - 0.1)  # refunded


def test_only_frequent_throttles_mean_that_the_quota_is_shared():
    def throttled_every(calls: int) -> KnownQuota:
        quota, now = KnownQuota(10.0, 10.0), START
        for call in range(calls * SHARED_THROTTLES):
            now += 0.2
            quota.take(now)
            if call % calls == 0:
                quota.throttled(now + 0.1, now, 1.0)
        return quota

    assert throttled_every(SHARED_CALLS // (SHARED_THROTTLES - 1) + 2).controller is None
    assert throttled_every(SHARED_CALLS // (SHARED_THROTTLES - 1) - 2).controller is not None


def test_the_controller_goes_when_it_holds_nothing_back():
    quota, now = KnownQuota(10.0, 10.0), START
    for _ in range(SHARED_THROTTLES):
        now += 1.0
        quota.take(now)
        quota.throttled(now + 0.1, now, 1.0)
    assert quota.controller is not None
    assert quota.margin < 1e-9  # travel did not cause the throttles
    until = now + min(UNBOUND, TERM) + 1.0
    while now < until:
        now += 0.5  # slower than it allows
        quota.take(now)
    assert quota.controller is None


def shared_quota() -> KnownQuota:
    """With a controller, because others use the quota."""
    quota, now = KnownQuota(10.0, 10.0), START
    for _ in range(SHARED_THROTTLES):
        now += 0.3
        quota.take(now)
        quota.throttled(now + 0.1, now, 1.0)
    assert quota.controller is not None
    return quota


@pytest.mark.parametrize("make", [lambda: KnownQuota(10.0, 10.0), shared_quota], ids=["alone", "shared"])
@settings(deadline=None)
@given(happening=steps)
def test_wait_changes_no_later_decision(make, happening):
    silent, asked = make(), make()
    expected = decisions(silent, happening, START + 2.0, 1.0, ask=False)
    assert decisions(asked, happening, START + 2.0, 1.0, ask=True) == pytest.approx(expected, abs=1e-6)
    assert (asked.controller is None) == (silent.controller is None)


def test_after_an_outage_the_quota_starts_empty():
    quota = KnownQuota(10.0, 10.0)
    quota.take(START)
    quota.resume(START + 60, START + 1)
    assert quota.wait(START + 60) > 0.5


@pytest.mark.parametrize(
    ("rules", "max_tokens", "least", "throttled"),
    [
        (QuotaRules(rpm=60.0), 1024, 0.975, 0.0),
        (QuotaRules(rpm=600.0), 1024, 0.99, 0.0),
        (QuotaRules(tpm=1e6), 1024, 0.98, 0.001),
        (QuotaRules(tpm=1e6, burndown=5.0), 4096, 0.98, 0.001),
        (QuotaRules(tpm=4e6, burndown=15.0), 1024, 0.98, 0.001),
    ],
    ids=str,
)
def test_a_configured_quota_is_used_and_hardly_a_call_throttled(rules, max_tokens, least, throttled):
    done = simulated(rules, max_tokens=max_tokens)
    assert measures.utilisation(done) >= least
    assert measures.throttle_rate(done) <= throttled
    assert lost(done) == 0


def test_calls_that_take_most_of_the_burst_are_seldom_throttled():
    done = simulated(QuotaRules(tpm=4e6), max_tokens=32_768, seconds=300.0)
    assert measures.utilisation(done) > 0.33
    assert measures.throttle_rate(done) < 0.005


@pytest.mark.parametrize("rpm", [60, 90, 119, 120])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_small_quota_that_another_client_halves_is_found_to_be_shared(rpm, seed):
    """A call takes more than half of the burst, so a few throttles may be wrong estimates, but not one call in two."""
    server = Server("bucket 1", rpm, ((60.0, rpm / 2),))
    ran = drive(KnownQuota(rpm / 60, rpm / 60), server, seed, minutes=20)
    assert ran.utilisation >= 0.9
    assert ran.throttle_rate <= 0.1


@pytest.mark.parametrize("kind", ["fixed", "sliding"])
@pytest.mark.parametrize("quota", [300, 540])
def test_a_window_is_measured_with_the_calls_of_the_last_minute(kind, quota):
    """With an empty log the controller found a window of two calls, where several hundred had passed."""
    ran = drive(KnownQuota(10.0, 10.0), Server(kind, quota), 1, minutes=10)
    assert ran.utilisation >= 0.88
    assert ran.throttle_rate <= 0.03


def test_a_controller_gets_the_settled_calls_of_the_last_minute():
    quota, now, expected = KnownQuota(10.0, 10.0), START, 0.0
    for call in range(540):
        now += 0.1
        quota.take(now)
        if call >= 540 - SHARED_THROTTLES:
            quota.throttled(now + 0.05, now, 1.0)
        else:
            quota.correct(now + 0.05, now, -0.5)
            expected += 0.5
    assert quota.controller is not None
    assert quota.controller.known.log.between(now - 60.0, now) == expected


def test_another_client_is_forgotten_soon_after_it_leaves():
    done = simulated(QuotaRules(tpm=1e6), tenants=(Tenant(30.0, 40.0, rpm=300.0, tokens=3000),), seconds=240.0)
    after = [call for call in done.server.calls if call.arrived >= 60.0]
    assert sum(call.throttled for call in after) <= 0.002 * len(after)
    assert measures.utilisation(done, 120.0) > 0.95


def test_the_share_of_others_is_found_and_taken_back_when_they_leave():
    changes = (QuotaChange(60.0, 0.5), QuotaChange(240.0, 1.0))
    done = simulated(QuotaRules(rpm=600.0), changes=changes, seconds=420.0)
    assert measures.utilisation(done, 60.0, 240.0) > 0.93
    assert measures.utilisation(done, 300.0) > 0.97
    assert measures.throttle_rate(done) < 0.01
