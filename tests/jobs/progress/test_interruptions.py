"""Pauses and outages in the snapshot."""

from event_folding import Clock, new_stats, read

from jobs.pipeline import events


def test_a_pause_is_in_the_snapshot_until_it_ends():
    clock = Clock()
    stats = new_stats(clock)
    stats(events.Paused(5.0, "Too many requests"))
    assert (stats.snapshot().paused, stats.snapshot().next_call) == ("Too many requests", 5.0)
    clock.now += 5
    assert stats.snapshot().paused == ""


def test_an_outage_is_in_the_snapshot_with_reason_and_countdown_until_it_ends():
    clock = Clock()
    stats = new_stats(clock)
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
