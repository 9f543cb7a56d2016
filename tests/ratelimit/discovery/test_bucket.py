"""The bucket state: base, plateau and climb, and how the next throttle changes them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratelimit.discovery.bucket import CLIMB, Bucket
from ratelimit.discovery.knowledge import Kind, Knowledge
from ratelimit.discovery.refill_estimate import EmptyBucketSample
from ratelimit.discovery.state import Block, Stopped, Throttle


def known_line(rate: float, seconds: float, step: float = 30.0, end: float = 1000.0) -> Knowledge:
    """The knowledge after calls of cost 1 at this rate, with a sample at each step until `end`."""
    known = Knowledge(kind=Kind.BUCKET)
    start, count = end - seconds, round(rate * seconds)
    for n in range(1, count + 1):
        known.sent(start + n / rate, 1.0)
    at = start
    while at <= end + 1e-6:
        known.refill_estimate.add(EmptyBucketSample(at, rate * (at - start), round(rate * (at - start))), 1.0)
        at += step
    return known


def block(at: float, rate: float, *, throttled: bool = False, seconds: float = 0.3) -> Block:
    """A throttle of a call sent at `at` and at `rate`, and a survivor `seconds` later."""
    throttle = Throttle(at, 1.0)
    return Block(Stopped(throttle, rate), throttle, at + seconds, throttled)


def after(known: Knowledge, stop_rate: float, *, more: float = 30.0, end: float = 1000.0, rate: float = 10.0) -> Bucket:
    """The state after `more` seconds at `rate` and a throttle."""
    for n in range(1, round(rate * more) + 1):
        known.sent(end + n / rate, 1.0)
    return Bucket.after(known, block(end + more, stop_rate))


def test_the_first_base_is_well_below_the_rate_of_the_throttle():
    known = Knowledge()
    for n in range(100):
        known.sent(n / 20, 1.0)
    bucket = Bucket.after(known, block(5.0, 25.0))
    assert bucket.base == pytest.approx(10.0)
    assert bucket.plateau == 2.0
    assert known.kind is Kind.BUCKET


def test_with_throttled_probes_the_calls_that_passed_bound_the_first_base():
    known = Knowledge()
    for n in range(20):
        known.sent(n / 4, 1.0)
    known.sent(15.0, 1.0)
    known.sent(25.0, 1.0)
    bucket = Bucket.after(known, block(5.0, 4.0, throttled=True, seconds=20.0))
    assert bucket.base == pytest.approx(2 / 20)


def test_if_nothing_passes_it_tries_four_calls_a_minute():
    known = Knowledge()
    known.sent(5.0, 1.0)
    known.log.throttle(5.0, 1.0)
    bucket = Bucket.after(known, block(5.0, 4.0, throttled=True, seconds=20.0))
    assert bucket.base == pytest.approx(4 / 60)


def test_a_long_line_gives_a_base_half_a_percent_below_its_rate():
    bucket = after(known_line(10.0, 300.0), 10.2)
    assert bucket.base == pytest.approx(10.0 * 0.995, rel=1e-3)
    assert bucket.plateau == 60.0


def test_a_line_of_few_calls_gives_a_lower_base():
    bucket = after(known_line(0.5, 20.0, 20.0), 0.5, more=20.0, rate=0.5)
    assert 0.5 * 0.75 <= bucket.base < 0.5 * 0.985


def test_above_a_short_line_the_base_goes_halfway_to_the_lowest_throttled_rate():
    known = known_line(10.0, 120.0)
    bucket = after(known, 12.0)
    assert known.lowest_throttled == 12.0
    assert bucket.base == pytest.approx((10.0 + 12.0) / 2, rel=0.01)


@pytest.mark.parametrize(("stop_rate", "left"), [(10.5, 10.5), (8.0, math.inf)])
def test_a_throttled_rate_below_the_line_is_no_bound(stop_rate, left):
    known = known_line(10.0, 120.0)
    after(known, stop_rate)
    assert known.lowest_throttled == left


def test_a_rate_above_the_lowest_throttled_one_replaces_it():
    known = known_line(10.0, 120.0)
    known.lowest_throttled = 9.0
    after(known, 10.1)
    assert known.lowest_throttled == 10.1


def test_far_below_the_best_rate_it_tries_more_soon():
    """Another client may be using most of the quota for a while."""
    usual = after(known_line(10.0, 300.0), 10.2)
    scarce = known_line(10.0, 300.0)
    scarce.best = 100.0
    scarce = after(scarce, 10.2)
    assert (scarce.plateau, scarce.climb) == (20.0, 5.0)
    assert (usual.plateau, usual.climb) > (20.0, 5.0)


def test_the_base_is_never_below_four_calls_a_minute():
    known = Knowledge()
    for at in (0.0, 100.0, 600.0):
        known.sent(at, 1.0)
    assert Bucket.after(known, block(100.0, 0.01, throttled=True, seconds=500.0)).base == pytest.approx(4 / 60)


def test_the_rate_is_flat_and_climbs_gently_after_the_plateau():
    bucket = after(known_line(10.0, 300.0), 10.2)
    assert bucket.rate(0.0) == pytest.approx(bucket.base, rel=0.001)
    assert bucket.rate(bucket.plateau) == pytest.approx(bucket.base * (1 + CLIMB))
    assert bucket.rate(bucket.plateau + bucket.climb) == pytest.approx(bucket.base * (1 + CLIMB * math.e))
    assert bucket.rate(1e9) < math.inf


@given(st.floats(0, 1000), st.floats(0, 1000))
def test_the_rate_never_falls_with_use(one, other):
    bucket = after(known_line(10.0, 120.0), 10.2)
    assert bucket.rate(min(one, other)) <= bucket.rate(max(one, other))


def use(bucket: Bucket, now: float, seconds: float) -> list[float]:
    """Send as soon as it allows it; return the times."""
    sent, end = [], now + seconds
    while (now := now + bucket.wait(now, 1.0)) < end:
        bucket.known.sent(now, 1.0)
        bucket.sent(now, 1.0)
        sent.append(now)
    return sent


def test_it_sends_at_its_rate_and_climbs_only_with_use():
    bucket = after(known_line(10.0, 300.0), 10.2)
    start = 1030.3
    assert len(use(bucket, start, 50.0)) == pytest.approx(50 * bucket.base, rel=0.01)
    rate = bucket.rate(bucket._used)
    for n in range(40):  # half of the rate: something else holds the calls back
        bucket.known.sent(1081.0 + n / 5, 1.0)
        bucket.sent(1081.0 + n / 5, 1.0)
    assert bucket.rate(bucket._used) == pytest.approx(rate, rel=0.001)


def test_an_idle_hour_is_followed_by_no_burst():
    bucket = after(known_line(10.0, 300.0), 10.2)
    use(bucket, 1030.3, 20.0)
    assert len(use(bucket, 4650.0, 1.0)) <= 11


@pytest.mark.parametrize("delay", ["an expensive call", "a debt"])
def test_after_a_long_wait_for_the_rate_no_burst_follows(delay):
    """The wait counted as an hour of use, and the climb is exponential in that: the rate became millions of times the
    base, with more than a hundred calls in a second.
    """
    bucket = after(known_line(10.0, 300.0), 10.2)
    now = use(bucket, 1030.3, 20.0)[-1]
    if delay == "a debt":
        bucket.credited(1030.0, 36_000.0)
    else:
        now += bucket.wait(now, 36_000.0)
        bucket.known.sent(now, 36_000.0)
        bucket.sent(now, 36_000.0)
    wait = bucket.wait(now, 1.0)
    assert wait > 3000.0
    assert len(use(bucket, now + wait, 1.0)) <= 11
    assert bucket.rate(bucket._used) < 1.1 * bucket.base


def test_a_stop_has_the_rate_at_which_the_throttled_call_was_sent():
    bucket = after(known_line(10.0, 300.0), 10.2)
    sent = use(bucket, 1030.3, bucket.plateau + 2 * bucket.climb)
    used = bucket._used
    early = next(at for at in sent if at > sent[-1] - bucket.climb)
    finding = bucket.throttled(sent[-1] + 0.2, Throttle(early, 1.0))
    assert isinstance(finding, Stopped)
    assert finding.rate == pytest.approx(bucket.rate(used - (sent[-1] - early)))
    assert bucket.base < finding.rate < bucket.rate(used)


def test_credits_let_the_next_call_start_sooner_and_debts_later():
    bucket = after(known_line(10.0, 300.0), 10.2)
    now = use(bucket, 1030.3, 5.0)[-1]
    wait = bucket.wait(now, 1.0)
    bucket.credited(1030.0, 5.0)
    assert bucket.wait(now, 1.0) == pytest.approx(wait + 5 / bucket.base, rel=0.001)
    bucket.credited(1030.0, -5.0)
    assert bucket.wait(now, 1.0) == pytest.approx(wait, abs=1e-3)


def test_credits_that_come_faster_than_calls_start_are_not_lost():
    """Where answers use a tenth of their reservation, nearly all of the rate is given back, in lumps."""
    bucket = after(known_line(10.0, 300.0), 10.2)
    now = use(bucket, 1030.3, 5.0)[-1]
    bucket.credited(1030.0, -8.0)
    started = use(bucket, now, 1.0)
    assert len(started) == pytest.approx(8 + 10, abs=1)


def test_credits_that_come_while_idle_cause_no_burst():
    bucket = after(known_line(10.0, 300.0), 10.2)
    now = use(bucket, 1030.3, 20.0)[-1]
    bucket.credited(1030.0, -50.0)
    assert len(use(bucket, now + 3600.0, 1.0)) <= 11


def test_a_bucket_that_admits_nothing_between_stops_may_be_a_window():
    """A full window whose calls give back much lets calls pass all the time, but its sum never grows."""
    known, kinds = Knowledge(), []
    for n in range(600):
        known.sent(970.0 + n / 20, 1.0)
    for stop in range(5):
        at = 1000.0 + 4 * stop
        if stop:  # the calls since the stop before have given everything back
            for n in range(20):
                sent_at = at - 3.5 + n / 10
                known.sent(sent_at, 1.0)
                known.log.credit(at - 0.1, sent_at, -1.0)
        kinds.append(Bucket.after(known, block(at, 10.0)).known.kind)
    assert kinds[0] is Kind.BUCKET
    assert kinds[-1] is None


def test_a_bucket_that_keeps_admitting_stays_a_bucket():
    known = known_line(10.0, 300.0)
    for stop in range(5):
        assert after(known, 10.2, end=1000.0 + 30 * stop).known.kind is Kind.BUCKET
