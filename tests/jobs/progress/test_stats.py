"""The fold of a run's events into a snapshot."""

import pytest
from event_folding import Clock, call, learned, new_stats

from jobs.pipeline import events
from jobs.progress.snapshot import Quota
from jobs.requests.answer import Usage
from ratelimit.outcome import Outcome


def test_calls_are_counted_by_outcome():
    clock = Clock()
    stats = new_stats(clock)
    call(stats, clock, 101)
    call(stats, clock, 102, outcome=Outcome.THROTTLED)
    stats(events.CallSent())
    shot = stats.snapshot()
    assert (shot.calls, shot.in_flight, shot.throttled) == (3, 1, 1)
    assert (shot.input_tokens, shot.output_tokens, shot.cost_usd) == (100, 20, 0.25)
    assert shot.latency == 2.0


def test_each_section_is_counted_under_one_name():
    stats = new_stats(Clock())
    stats(events.Enrolled(new=3, resumed=2, cached=1, duplicates=4, skipped=5))
    shot = stats.snapshot()
    assert (shot.sections, shot.units) == (15, 3)
    assert (shot.resumed, shot.cached, shot.duplicates, shot.skipped) == (2, 1, 4, 5)


def test_with_an_unknown_price_the_cost_is_unknown():
    stats = new_stats(Clock())
    stats.priced = False
    assert stats.snapshot().cost_usd is None


def test_a_learned_quota_is_rounded_and_disappears_while_it_is_measured():
    stats = new_stats(Clock())
    stats(learned("requests", 597.6234))
    assert stats.snapshot().quota == Quota(rpm=598.0, source="learned", rpm_kind="bucket")
    stats(learned("tokens", 598_312.0, "sliding"))
    assert (stats.snapshot().quota.tpm, stats.snapshot().quota.tpm_kind) == (598_000.0, "sliding")
    stats(learned("requests", None))
    stats(learned("tokens", None))
    assert stats.snapshot().quota == Quota()


def test_short_answers_lead_to_advice_if_tokens_are_the_limit():
    clock = Clock()
    stats = new_stats(clock)
    stats.max_tokens = 4096
    stats(learned("tokens", 10_000.0, "sliding"))
    for n in range(40):
        clock.now = 100 + n * 4
        stats(events.CallSent())
        stats(events.CallEnded(Outcome.OK, 6.0, Usage(100, 20), 0.25, 120.0))
    [advice] = stats.snapshot().advice
    assert advice.value == 50
    assert advice.faster == pytest.approx((120 + 4076 * 0.1) / (120 + 30 * 0.1), abs=0.05)
    stats(learned("requests", 15.0))  # all of it is used
    assert stats.snapshot().advice == ()


def test_the_advice_cuts_off_no_answer_of_an_earlier_run():
    clock = Clock()
    stats = new_stats(clock)
    stats.max_tokens = 4096
    stats.answers_before(1900)
    stats(learned("tokens", 10_000.0, "sliding"))
    for n in range(40):
        clock.now = 100 + n * 4
        stats(events.CallSent())
        stats(events.CallEnded(Outcome.OK, 6.0, Usage(100, 20), 0.25, 120.0))
    [advice] = stats.snapshot().advice
    assert advice.value >= 1900


@pytest.mark.parametrize(
    ("changed", "advised"), [(None, 100), ("outage", None), ("concurrency", None), ("burst", None)]
)
def test_max_tokens_that_overflow_a_configured_bucket_lead_to_advice(changed, advised):
    clock = Clock()
    burst = 60.0 if changed == "burst" else 1.0
    stats = new_stats(clock, Quota(rpm=6000, tpm=100_000, source="configured", burst_s=burst))
    stats.max_tokens = 32_000
    if changed == "concurrency":
        stats.concurrency = 1
    for second in range(60):
        clock.now = 100 + second
        stats(events.CallSent())
        stats(events.CallEnded(Outcome.OK, 1.0, Usage(250, 80), 0.25, 330.0))
    if changed == "outage":
        stats(events.BreakerChanged("closed", "open", "5 calls in a row failed", 60.0))
        stats(events.BreakerChanged("open", "half-open", "probes find out"))
        clock.now += 60
        stats(events.BreakerChanged("half-open", "closed", "2 of 3 probes were answered"))
    assert next((advice.value for advice in stats.snapshot().advice), None) == advised
