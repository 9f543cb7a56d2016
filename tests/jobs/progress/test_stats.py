"""The fold of a run's events into a snapshot."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.pipeline import events
from jobs.progress.rate_window import RateWindow
from jobs.progress.snapshot import Quota
from jobs.progress.stats import Stats
from jobs.requests.answer import Usage
from ratelimit.outcome import Outcome


@dataclass
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def run(clock: Clock, quota: Quota | None = None) -> Stats:
    return Stats(clock, quota or Quota())


def call(stats: Stats, clock: Clock, at: float, *, outcome: Outcome = Outcome.OK, tokens: float = 0.0) -> None:
    clock.now = at
    stats(events.CallSent())
    usage = Usage(100, 20) if outcome is Outcome.OK else None
    stats(events.CallEnded(outcome, 2.0, usage, 0.25 if usage else None, tokens))


def test_calls_are_counted_by_outcome():
    clock = Clock()
    stats = run(clock)
    call(stats, clock, 101)
    call(stats, clock, 102, outcome=Outcome.THROTTLED)
    stats(events.CallSent())
    shot = stats.snapshot()
    assert (shot.calls, shot.in_flight, shot.throttled) == (3, 1, 1)
    assert (shot.input_tokens, shot.output_tokens, shot.cost_usd) == (100, 20, 0.25)
    assert shot.latency == 2.0


def test_each_section_is_counted_under_one_name():
    stats = run(Clock())
    stats(events.Enrolled(new=3, resumed=2, cached=1, duplicates=4, skipped=5))
    shot = stats.snapshot()
    assert (shot.sections, shot.units) == (15, 3)
    assert (shot.resumed, shot.cached, shot.duplicates, shot.skipped) == (2, 1, 4, 5)


def test_with_an_unknown_price_the_cost_is_unknown():
    stats = run(Clock())
    stats.priced = False
    assert stats.snapshot().cost_usd is None


def test_utilisation_is_relative_to_burst_and_time():
    clock = Clock()
    stats = run(clock, Quota(rpm=60, source="configured", burst_s=1.0))
    for second in range(60):
        call(stats, clock, 100 + second)
    assert stats.snapshot().utilisation == pytest.approx(1.0)
    call(stats, clock, 160, outcome=Outcome.THROTTLED)
    assert stats.snapshot().utilisation == pytest.approx(60 / 61)


@pytest.mark.parametrize("outcome", [Outcome.THROTTLED, Outcome.TRANSIENT, Outcome.INVALID, Outcome.FATAL])
def test_a_throttled_or_rejected_call_uses_no_quota(outcome):
    clock = Clock()
    stats = run(clock, Quota(rpm=60, source="configured", burst_s=0.0))
    for second in range(0, 61, 10):
        call(stats, clock, 100 + second, outcome=Outcome.OK if second == 30 else outcome)
    assert stats.snapshot().utilisation == pytest.approx(1 / 60)


def test_a_call_with_an_unknown_outcome_counts_as_used():
    clock = Clock()
    stats = run(clock, Quota(rpm=60, source="configured", burst_s=0.0))
    call(stats, clock, 100)
    call(stats, clock, 160, outcome=Outcome.UNKNOWN)
    assert stats.snapshot().utilisation == pytest.approx(2 / 60)


def test_a_call_that_was_never_sent_is_not_counted_and_uses_no_quota():
    clock = Clock()
    stats = run(clock, Quota(rpm=60, source="configured", burst_s=0.0))
    call(stats, clock, 100)
    call(stats, clock, 160)
    stats(events.CallSent(is_retry=True))
    assert (stats.snapshot().calls, stats.snapshot().retried) == (3, 1)
    stats(events.CallEnded(Outcome.TRANSIENT, 0.1, sent=False, is_retry=True))
    shot = stats.snapshot()
    assert (shot.calls, shot.retried, shot.utilisation) == (2, 0, pytest.approx(2 / 60))


def test_utilisation_is_that_of_the_quota_with_the_higher_one():
    clock = Clock()
    stats = run(clock, Quota(rpm=600, tpm=6000, source="configured", burst_s=0.0))
    call(stats, clock, 100, tokens=3000)
    call(stats, clock, 160, tokens=2400)
    assert stats.snapshot().utilisation == pytest.approx(5400 / 6000)


def test_without_a_quota_or_a_call_there_is_no_utilisation():
    clock = Clock()
    assert run(clock, Quota(rpm=60, burst_s=1.0)).snapshot().utilisation is None
    stats = run(clock)
    call(stats, clock, 101)
    assert stats.snapshot().utilisation is None


def read(stats: Stats, documents: int, size: int, sections: int = 1) -> None:
    for n in range(documents):
        stats(events.DocumentRead(f"{n}.md", "ok", size, sections))


def test_progress_is_the_share_read_times_the_share_answered():
    stats = run(Clock())
    assert stats.snapshot().fraction is None
    stats(events.InputsCounted(4, 400))
    read(stats, 2, 100, 5)
    stats(events.Enrolled(new=10))
    for _ in range(5):
        stats(events.UnitClosed("ok"))
    assert stats.snapshot().fraction == pytest.approx(0.25)
    read(stats, 2, 0)
    assert stats.snapshot().fraction == pytest.approx(0.5)


def test_a_huge_document_counts_while_it_is_being_read():
    stats = run(Clock())
    stats(events.InputsCounted(11, 2000))
    read(stats, 10, 100, 1)
    stats(events.Enrolled(new=15))  # 5 of them from a document that is still being read
    for _ in range(12):
        stats(events.UnitClosed("ok"))
    assert stats.snapshot().fraction == pytest.approx(1500 / 2000 * 12 / 15)


def test_the_time_left_follows_from_the_configured_quota_once_all_is_read():
    clock = Clock()
    stats = run(clock, Quota(rpm=60, source="configured"))
    stats(events.InputsCounted(1, 100))
    read(stats, 1, 100)
    stats(events.Enrolled(new=100))
    stats(events.UnitClosed("ok"))
    clock.now = 110
    assert stats.snapshot().eta == pytest.approx(99)
    stats(events.Stopping("SIGINT received"))
    assert stats.snapshot().eta is None


def all_read(stats: Stats, units: int) -> None:
    stats(events.InputsCounted(1, 100))
    read(stats, 1, 100, units)
    stats(events.Enrolled(new=units))


def true_and_estimated_time_left(
    stats: Stats, clock: Clock, starts: list[float], latency: float, tokens: float = 120.0
):
    """For a run whose calls start at these seconds: the true and the estimated time left, each second."""
    begin = clock.now
    timeline = sorted(
        [(at, "sent") for at in starts]
        + [(at + latency, "answered") for at in starts]
        + [(float(second), "asked") for second in range(1, int(max(starts) + latency))]
    )
    for at, what in timeline:
        clock.now = begin + at
        if what == "sent":
            stats(events.CallSent())
        elif what == "answered":
            stats(events.CallEnded(Outcome.OK, latency, Usage(100, 20), 0.25, tokens))
            stats(events.UnitClosed("ok"))
        elif (estimate := stats.snapshot().eta) is not None:
            yield max(starts) + latency - at, estimate


EVEN = [n / 10 for n in range(2000)]
"""Ten calls a second."""
MINUTES = [60.0 * minute + n / 100 for minute in range(5) for n in range(600)]
"""Each minute's quota at its start."""
WAVES = [4.0 * wave + n / 1000 for wave in range(50) for n in range(16)]
"""Sixteen in flight, all started together."""


@pytest.mark.parametrize(
    ("quota", "starts", "latency", "rel", "seconds"),
    [
        (Quota(rpm=600, source="configured"), EVEN, 2.0, 0.02, 1.5),
        (Quota(rpm=6000, tpm=72_000, source="configured"), EVEN, 2.0, 0.02, 1.5),
        (Quota(rpm=6000, source="configured"), EVEN, 2.0, 0.02, 1.5),
        (Quota(), EVEN, 2.0, 0.02, 1.5),
        (Quota(), EVEN, 30.0, 0.02, 1.5),
        (Quota(rpm=600, source="configured"), MINUTES, 2.0, 0.0, 100.0),
        (Quota(rpm=6000, source="configured"), WAVES, 4.0, 0.4, 8.0),
    ],
    ids=["requests", "tokens", "others", "unknown", "slow answers", "minutes", "concurrency"],
)
def test_the_estimated_time_left_is_close_from_the_first_to_the_last_answer(quota, starts, latency, rel, seconds):
    clock = Clock()
    stats = run(clock, quota)
    all_read(stats, len(starts))
    estimates = list(true_and_estimated_time_left(stats, clock, starts, latency))
    assert len(estimates) >= max(starts) - 3
    for left, estimate in estimates:
        assert estimate == pytest.approx(left, rel=rel, abs=seconds)


def test_after_an_outage_the_time_left_is_as_before():
    clock = Clock()
    stats = run(clock)
    all_read(stats, 1000)
    for _ in true_and_estimated_time_left(stats, clock, EVEN[:300], 2.0):
        pass
    stats(events.BreakerChanged("closed", "open", "5 calls in a row failed", 60.0))
    clock.now += 600
    stats(events.BreakerChanged("open", "half-open", "probes find out"))
    stats(events.BreakerChanged("half-open", "closed", "2 of 3 probes were answered"))
    assert stats.snapshot().eta == pytest.approx(70, rel=0.1)
    for left, estimate in true_and_estimated_time_left(stats, clock, EVEN[:700], 2.0):
        assert estimate == pytest.approx(left, rel=0.1, abs=5)


def test_the_time_left_is_at_least_the_current_pause():
    clock = Clock()
    stats = run(clock, Quota(rpm=600, source="configured"))
    all_read(stats, 40)
    for _ in true_and_estimated_time_left(stats, clock, EVEN[:30], 2.0):
        pass
    stats(events.Paused(300.0, "Retry-After"))
    assert stats.snapshot().eta == pytest.approx(300)


def test_while_no_unit_needs_a_call_the_time_left_is_that_of_reading():
    clock = Clock()
    stats = run(clock, Quota(rpm=600, source="configured"))
    stats(events.InputsCounted(4, 400))
    read(stats, 1, 100, 5)
    stats(events.Enrolled(resumed=5))
    clock.now += 10
    assert stats.snapshot().eta == pytest.approx(30)


def test_a_pause_is_in_the_snapshot_until_it_ends():
    clock = Clock()
    stats = run(clock)
    stats(events.Paused(5.0, "Too many requests"))
    assert (stats.snapshot().paused, stats.snapshot().next_call) == ("Too many requests", 5.0)
    clock.now += 5
    assert stats.snapshot().paused == ""


def test_an_outage_is_in_the_snapshot_with_reason_and_countdown_until_it_ends():
    clock = Clock()
    stats = run(clock)
    stats(events.InputsCounted(1, 0))
    read(stats, 1, 0)
    stats(events.Enrolled(new=2))
    stats(events.UnitClosed("ok"))
    shown = []
    for after, event in [
        (10.0, events.BreakerChanged("closed", "open", "5 calls in a row failed", 60.0)),
        (20.0, events.Paused(5.0, "a pause during the outage")),
        (60.0, events.BreakerChanged("open", "half-open", "probes find out")),
        (1.0, events.BreakerChanged("half-open", "open", "2 of 3 probes failed", 120.0)),
        (120.0, events.BreakerChanged("open", "half-open", "probes find out")),
        (1.0, events.BreakerChanged("half-open", "closed", "2 of 3 probes were answered")),
    ]:
        clock.now += after
        stats(event)
        shot = stats.snapshot()
        shown.append((shot.paused, shot.next_call, shot.eta is None))
    assert shown == [
        ("the service is unavailable: 5 calls in a row failed", 60.0, True),
        ("the service is unavailable: 5 calls in a row failed", 40.0, True),
        ("probing the service: probes find out", 0.0, True),
        ("the service is still unavailable: 2 of 3 probes failed", 120.0, True),
        ("probing the service: probes find out", 0.0, True),
        ("", 0.0, False),
    ]


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(1, 5)), max_size=50))
def test_a_rate_window_is_the_sum_over_the_last_minute(steps):
    minute, now, counted = RateWindow(), 0.0, []
    for step, amount in steps:
        now += step
        minute.add(now, amount)
        counted.append((now, amount))
        assert minute.total(now) == sum(amount for at, amount in counted if int(at) > int(now) - 60)


def learned(quota: str, per_minute: float | None, kind: str = "bucket") -> events.RateChanged:
    return events.RateChanged(quota, per_minute, kind if per_minute else "", "")


def test_a_learned_quota_is_rounded_and_disappears_while_it_is_measured():
    stats = run(Clock())
    stats(learned("requests", 597.6234))
    assert stats.snapshot().quota == Quota(rpm=598.0, source="learned", rpm_kind="bucket")
    stats(learned("tokens", 598_312.0, "sliding"))
    assert (stats.snapshot().quota.tpm, stats.snapshot().quota.tpm_kind) == (598_000.0, "sliding")
    stats(learned("requests", None))
    stats(learned("tokens", None))
    assert stats.snapshot().quota == Quota()


def test_the_utilisation_of_a_learned_quota_is_at_most_1():
    clock = Clock()
    stats = run(clock, Quota(burst_s=1.0))
    for second in range(61):
        call(stats, clock, 100 + second)
    stats(learned("requests", 120.0))
    assert stats.snapshot().utilisation == pytest.approx(61 / 120)
    stats(learned("requests", 30.0))  # a full bucket was emptied
    assert stats.snapshot().utilisation == 1.0


def test_the_source_is_that_of_the_quota_with_the_higher_utilisation():
    clock = Clock()
    stats = run(clock, Quota(rpm=600, source="configured", burst_s=1.0))
    assert stats.snapshot().quota.source == "configured"
    stats(learned("tokens", 6000.0))
    call(stats, clock, 100, tokens=3000)
    call(stats, clock, 160, tokens=2400)
    assert stats.snapshot().quota.source == "learned"
    assert stats.snapshot().utilisation == pytest.approx(0.9)
    stats(learned("tokens", 6e6))
    assert stats.snapshot().quota.source == "configured"


def test_short_answers_lead_to_advice_if_tokens_are_the_limit():
    clock = Clock()
    stats = run(clock)
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


@pytest.mark.parametrize(
    ("changed", "advised"), [(None, 100), ("outage", None), ("concurrency", None), ("burst", None)]
)
def test_max_tokens_that_overflow_a_configured_bucket_lead_to_advice(changed, advised):
    clock = Clock()
    burst = 60.0 if changed == "burst" else 1.0
    stats = run(clock, Quota(rpm=6000, tpm=100_000, source="configured", burst_s=burst))
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
