"""The estimated time left of a run."""

import pytest
from event_folding import Clock, all_read, new_stats, read

from jobs.pipeline import events
from jobs.progress.snapshot import Quota
from jobs.progress.stats import Stats
from jobs.requests.answer import Usage
from ratelimit.outcome import Outcome


def test_the_time_left_follows_from_the_configured_quota_once_all_is_read():
    clock = Clock()
    stats = new_stats(clock, Quota(rpm=60, source="configured"))
    stats(events.InputsCounted(1, 100))
    read(stats, 1, 100)
    stats(events.Enrolled(new=100))
    stats(events.UnitClosed("ok"))
    clock.now = 110
    assert stats.snapshot().eta == pytest.approx(99)
    stats(events.Stopping("SIGINT received"))
    assert stats.snapshot().eta is None


def true_and_estimated_time_left(
    stats: Stats, clock: Clock, starts: list[float], latency: float, tokens: float = 120.0
):
    """For a run whose calls start at these seconds: the true and the estimated time left, each second."""
    start = clock.now
    timeline = sorted(
        [(at, "sent") for at in starts]
        + [(at + latency, "answered") for at in starts]
        + [(float(second), "estimate") for second in range(1, int(max(starts) + latency))]
    )
    for at, what in timeline:
        clock.now = start + at
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
    stats = new_stats(clock, quota)
    all_read(stats, len(starts))
    estimates = list(true_and_estimated_time_left(stats, clock, starts, latency))
    assert len(estimates) >= max(starts) - 3
    for left, estimate in estimates:
        assert estimate == pytest.approx(left, rel=rel, abs=seconds)


def test_after_an_outage_the_time_left_is_as_before():
    clock = Clock()
    stats = new_stats(clock)
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
    stats = new_stats(clock, Quota(rpm=600, source="configured"))
    all_read(stats, 40)
    for _ in true_and_estimated_time_left(stats, clock, EVEN[:30], 2.0):
        pass
    stats(events.Paused(300.0, "Retry-After"))
    assert stats.snapshot().eta == pytest.approx(300)


def test_while_no_unit_needs_a_call_the_time_left_is_that_of_reading():
    clock = Clock()
    stats = new_stats(clock, Quota(rpm=600, source="configured"))
    stats(events.InputsCounted(4, 400))
    read(stats, 1, 100, 5)
    stats(events.Enrolled(resumed=5))
    clock.now += 10
    assert stats.snapshot().eta == pytest.approx(30)
