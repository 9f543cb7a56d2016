"""A mirror of a told quota: never ahead of the server's bucket for long, whatever travels or uses it besides."""

import math
import random

import engine_gates
import pytest
import rate_measures as measures
from hypothesis import given
from hypothesis import strategies as st

from jobs.emulator.quotas import QuotaRules
from jobs.simulation.engine_run import Run, run
from jobs.simulation.measures import lost
from jobs.simulation.scenario import QuotaChange, Scenario, Tenant
from jobs.simulation.workload import Workload
from ratelimit.algorithms.token_bucket import TokenBucket
from ratelimit.known_quota import AMONG, CROWD, LATEST, SOONEST, TERM, UNBOUND, KnownQuota

SPREAD = LATEST - SOONEST
START = 1_234.5


def simulated(rules: QuotaRules, *, max_tokens: int = 1024, seconds: float = 180.0, **scenario: object) -> Run:
    return run(
        Scenario(rules, 1, **scenario),  # type: ignore[arg-type]
        Workload(1, max_tokens=max_tokens),
        lambda: engine_gates.told(rules, max_tokens),
        seconds=seconds,
    )


@pytest.mark.parametrize(
    ("rate", "burst", "cost", "apart"),
    [
        # A call that takes the whole burst waits for a full bucket, and for the unevenness of the way besides.
        (1.0, 1.0, 1.0, 1.0 + SPREAD),
        (0.5, 0.5, 1.0, 2.0 + SPREAD),
        (10.0, 10.0, 30.0, 3.0 + SPREAD),
        # Others come at the even beat of the rate, once what the burst has too much of is spent.
        (10.0, 10.0, 1.0, 0.1),
        (100.0, 100.0, 5.0, 0.05),
    ],
)
def test_calls_come_at_the_rate_and_not_closer_than_their_way_allows(rate, burst, cost, apart):
    told, now, sent = KnownQuota(rate, burst), START, []
    while len(sent) < 300:
        wait = told.wait(now, min(cost, told.limit))
        if wait > 0:
            now += max(wait, 1e-9)
            continue
        told.take(now, cost)
        sent.append(now)
    assert (sent[-1] - sent[99]) / 200 == pytest.approx(apart, rel=1e-3)


@pytest.mark.parametrize("rpm", [20, 30, 60, 119, 120, 300, 600, 6000])
def test_a_told_quota_is_used_and_never_passed_though_calls_travel_unevenly(rpm):
    ways = random.Random(rpm)
    told, server, sent, now = KnownQuota(rpm / 60, rpm / 60), TokenBucket(rpm / 60, rpm / 60), [], 0.0
    while now < 600:
        if (wait := told.wait(now, min(1.0, told.limit))) > 0:
            now += max(wait, 1e-9)
            continue
        told.take(now)
        sent.append(now + ways.uniform(SOONEST, LATEST))
    for arrival in sorted(sent):
        assert server.wait(arrival, min(1.0, server.limit)) < 1e-9
        server.take(arrival)
    assert len(sent) >= 0.98 * rpm * 10


@given(
    st.lists(st.tuples(st.floats(0, 3), st.floats(0.01, 1), st.floats(-1, 0.5)), min_size=1, max_size=60),
    st.floats(0.05, 50),
    st.floats(0.1, 20),
)
def test_no_window_holds_more_than_the_burst_and_what_its_time_gives(calls, rate, seconds):
    """While nothing is throttled; what ended calls gave back may be used again."""
    burst = rate * seconds
    told, now, charges = KnownQuota(rate, burst), START, []
    for pause, share, of_it in calls:
        now += pause
        cost = share * burst
        while (wait := told.wait(now, cost)) > 0:
            now += max(wait, 1e-9)
        told.take(now, cost)
        charges.append((now, cost))
        if of_it:
            told.correct(now, now, of_it * cost)
            charges.append((now, of_it * cost))
        for first, (begin, _) in enumerate(charges):
            if (window := math.fsum(charge for _, charge in charges[first:])) > 0 and of_it <= 0:
                assert window <= burst + rate * (now - begin + SOONEST) + 1e-6 * burst


@given(st.lists(st.tuples(st.floats(0, 0.2), st.floats(0.1, 3.0)), min_size=1, max_size=50))
def test_a_call_that_was_cancelled_takes_nothing(calls):
    told, now = KnownQuota(10.0, 10.0), START
    for pause, cost in calls:
        now += pause
        told.take(now, cost)
        told.correct(now, now, -cost)
    assert told.wait(now, told.limit) == 0.0


def test_a_call_that_takes_nothing_of_the_quota_does_not_wait_for_it():
    told = KnownQuota(1.0, 1.0)
    told.take(START, 30.0)
    assert told.wait(START, 0.0) == 0.0
    assert told.wait(START, 1.0) > 29.0
    assert told.wait(START, 1.1) == math.inf


def test_a_refusal_holds_the_next_call_back_and_those_sent_before_it_do_not_again():
    told = KnownQuota(10.0, 10.0)
    told.take(START)
    told.take(START + 0.05)
    told.throttled(START + 0.2, START, 1.0)
    once = told.wait(START + 0.2)
    told.throttled(START + 0.2, START + 0.05, 1.0)
    assert 0.3 < once <= 1.0
    assert told.wait(START + 0.2) == pytest.approx(once - 0.1)  # it got its charge back


def test_a_refusal_now_and_then_is_an_accident_and_many_in_a_row_are_others():
    def throttles(apart: int) -> KnownQuota:
        told, now = KnownQuota(10.0, 10.0), START
        for call in range(apart * CROWD):
            now += 0.2
            told.take(now)
            if call % apart == 0:
                told.throttled(now + 0.1, now, 1.0)
        return told

    assert throttles(AMONG // (CROWD - 1) + 2).controller is None
    assert throttles(AMONG // (CROWD - 1) - 2).controller is not None


def test_the_controller_goes_when_its_pace_holds_nothing_back():
    told, now = KnownQuota(10.0, 10.0), START
    for _ in range(CROWD):
        now += 1.0
        told.take(now)
        told.throttled(now + 0.1, now, 1.0)
    assert told.controller is not None
    assert told.margin < 1e-9  # the way did not throttle them
    until = now + min(UNBOUND, TERM) + 1.0
    while now < until:
        now += 0.5  # slower than it allows
        told.take(now)
    assert told.controller is None


def test_after_an_outage_nothing_is_left_of_what_gathered():
    told = KnownQuota(10.0, 10.0)
    told.take(START)
    told.resume(START + 60, START + 1)
    assert told.wait(START + 60) > 0.5


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
def test_a_told_quota_is_used_and_no_call_is_wasted(rules, max_tokens, least, throttled):
    done = simulated(rules, max_tokens=max_tokens)
    assert measures.utilisation(done) >= least
    assert measures.throttle_rate(done) <= throttled
    assert lost(done) == 0


def test_where_a_call_takes_most_of_the_burst_it_is_still_seldom_throttled():
    done = simulated(QuotaRules(tpm=4e6), max_tokens=32_768, seconds=300.0)
    assert measures.utilisation(done) > 0.33
    assert measures.throttle_rate(done) < 0.005


def test_another_client_for_ten_seconds_is_forgotten_soon_after():
    done = simulated(QuotaRules(tpm=1e6), tenants=(Tenant(30.0, 40.0, rpm=300.0, tokens=3000),), seconds=240.0)
    after = [call for call in done.server.calls if call.arrived >= 60.0]
    assert sum(call.throttled for call in after) <= 0.002 * len(after)
    assert measures.utilisation(done, 120.0) > 0.95


def test_what_others_leave_is_found_and_what_they_leave_again():
    changes = (QuotaChange(60.0, 0.5), QuotaChange(240.0, 1.0))
    done = simulated(QuotaRules(rpm=600.0), changes=changes, seconds=420.0)
    assert measures.utilisation(done, 60.0, 240.0) > 0.93
    assert measures.utilisation(done, 300.0) > 0.97
    assert measures.throttle_rate(done) < 0.01
