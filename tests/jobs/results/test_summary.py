"""The summary of a run."""

import json

import pytest
from snapshots import RUNNING

from jobs.record.protocol import Status
from jobs.results.summary import Summary


def summary() -> Summary:
    return Summary("r1", "2026-01-01T00:00:00+00:00", "amazon.nova-lite-v1:0", "https://example.com")


def test_counts_and_figures_come_from_the_snapshot():
    got = summary()
    got.add_snapshot(RUNNING)
    assert (got.documents, got.unreadable, got.sections) == (120, 2, 12_345)
    assert (got.resumed, got.cached, got.duplicates) == (100, 12, 3)
    assert (got.calls, got.throttled, got.retried) == (6_400, 40, 0)
    assert (got.input_tokens, got.output_tokens, got.cost_usd) == (10_123_456, 634_567, 39.42)
    assert (got.wall_s, got.utilisation, got.quota["rpm"], got.advice) == (125.0, 0.974, 1_200, [])
    assert (got.ok, got.failed) == (0, 0), "the snapshot counts units, the summary sections"


def test_sections_by_status_come_from_the_record():
    got = summary()
    got.add_snapshot(RUNNING)
    got.add_tally({Status.OK: 5, Status.HELD: 2, Status.NEW: 1}, unique=6, maybe_paid_twice=3)
    assert (got.sections, got.unique, got.maybe_paid_twice) == (8, 6, 3)
    assert (got.ok, got.held, got.pending, got.failed, got.incomplete, got.fallback) == (5, 2, 1, 0, 0, 0)


@pytest.mark.parametrize(
    ("counts", "problems"),
    [
        ({"sections": 3, "ok": 3}, ""),
        ({"documents": 4, "unreadable": 1}, "1 of 4 documents unreadable"),
        ({"sections": 9, "failed": 2, "pending": 1}, "2 of 9 sections failed, 1 of 9 sections pending"),
    ],
)
def test_problems_are_listed_in_one_message(counts, problems):
    got = summary()
    for name, number in counts.items():
        setattr(got, name, number)
    assert got.problems() == problems


def test_the_file_is_the_summary_as_ascii_json(tmp_path):
    got = summary()
    got.error = "Größe \ud800"
    got.write(tmp_path / "summary.json")
    raw = (tmp_path / "summary.json").read_bytes()
    assert raw.isascii()
    assert json.loads(raw) == {**got.as_dict(), "advice": []}
