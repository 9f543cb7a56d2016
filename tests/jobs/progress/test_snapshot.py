"""The share of the work that is done."""

import pytest
from event_folding import Clock, new_stats, read

from jobs.pipeline import events


def test_progress_is_the_share_read_times_the_share_answered():
    stats = new_stats(Clock())
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
    stats = new_stats(Clock())
    stats(events.InputsCounted(11, 2000))
    read(stats, 10, 100, 1)
    stats(events.Enrolled(new=15))  # 5 of them from a document that is still being read
    for _ in range(12):
        stats(events.UnitClosed("ok"))
    assert stats.snapshot().fraction == pytest.approx(1500 / 2000 * 12 / 15)
