"""How much of the quotas a run used."""

import pytest
from event_folding import Clock, call, learned, new_stats

from jobs.pipeline import events
from jobs.progress.snapshot import Quota
from ratelimit.outcome import Outcome


def test_utilisation_is_relative_to_burst_and_time():
    clock = Clock()
    stats = new_stats(clock, Quota(rpm=60, source="configured", burst_s=1.0))
    for second in range(60):
        call(stats, clock, 100 + second)
    assert stats.snapshot().utilisation == pytest.approx(1.0)
    call(stats, clock, 160, outcome=Outcome.THROTTLED)
    assert stats.snapshot().utilisation == pytest.approx(60 / 61)


@pytest.mark.parametrize("outcome", [Outcome.THROTTLED, Outcome.TRANSIENT, Outcome.INVALID, Outcome.FATAL])
def test_a_throttled_or_rejected_call_uses_no_quota(outcome):
    clock = Clock()
    stats = new_stats(clock, Quota(rpm=60, source="configured", burst_s=0.0))
    for second in range(0, 61, 10):
        call(stats, clock, 100 + second, outcome=Outcome.OK if second == 30 else outcome)
    assert stats.snapshot().utilisation == pytest.approx(1 / 60)


def test_a_call_with_an_unknown_outcome_counts_as_used():
    clock = Clock()
    stats = new_stats(clock, Quota(rpm=60, source="configured", burst_s=0.0))
    call(stats, clock, 100)
    call(stats, clock, 160, outcome=Outcome.UNKNOWN)
    assert stats.snapshot().utilisation == pytest.approx(2 / 60)


def test_a_call_that_was_never_sent_is_not_counted_and_uses_no_quota():
    clock = Clock()
    stats = new_stats(clock, Quota(rpm=60, source="configured", burst_s=0.0))
    call(stats, clock, 100)
    call(stats, clock, 160)
    stats(events.CallSent(is_retry=True))
    assert (stats.snapshot().calls, stats.snapshot().retried) == (3, 1)
    stats(events.CallEnded(Outcome.TRANSIENT, 0.1, sent=False, is_retry=True))
    shot = stats.snapshot()
    assert (shot.calls, shot.retried, shot.utilisation) == (2, 0, pytest.approx(2 / 60))


def test_utilisation_is_that_of_the_quota_with_the_higher_one():
    clock = Clock()
    stats = new_stats(clock, Quota(rpm=600, tpm=6000, source="configured", burst_s=0.0))
    call(stats, clock, 100, tokens=3000)
    call(stats, clock, 160, tokens=2400)
    assert stats.snapshot().utilisation == pytest.approx(5400 / 6000)


def test_without_a_quota_or_a_call_there_is_no_utilisation():
    clock = Clock()
    assert new_stats(clock, Quota(rpm=60, burst_s=1.0)).snapshot().utilisation is None
    stats = new_stats(clock)
    call(stats, clock, 101)
    assert stats.snapshot().utilisation is None


def test_the_utilisation_of_a_learned_quota_is_at_most_1():
    clock = Clock()
    stats = new_stats(clock, Quota(burst_s=1.0))
    for second in range(61):
        call(stats, clock, 100 + second)
    stats(learned("requests", 120.0))
    assert stats.snapshot().utilisation == pytest.approx(61 / 120)
    stats(learned("requests", 30.0))  # a full bucket was emptied
    assert stats.snapshot().utilisation == 1.0


def test_the_source_is_that_of_the_quota_with_the_higher_utilisation():
    clock = Clock()
    stats = new_stats(clock, Quota(rpm=600, source="configured", burst_s=1.0))
    assert stats.snapshot().quota.source == "configured"
    stats(learned("tokens", 6000.0))
    call(stats, clock, 100, tokens=3000)
    call(stats, clock, 160, tokens=2400)
    assert stats.snapshot().quota.source == "learned"
    assert stats.snapshot().utilisation == pytest.approx(0.9)
    stats(learned("tokens", 6e6))
    assert stats.snapshot().quota.source == "configured"
