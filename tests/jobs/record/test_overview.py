"""What `status` tells of a directory."""

from contextlib import closing

import pytest
from answers import answer

from jobs.record.journal import Journal, RunStart
from jobs.record.overview import overview
from jobs.record.protocol import SectionEntry, Status
from jobs.requests.reply import Reply
from ratelimit.outcome import Outcome

START = RunStart("r1", "2026-11-24T00:00:00Z", '{"endpoint":"aws","model":"model","prompt":"Summarize."}', "summarize")


@pytest.fixture
def journal(tmp_path):
    with closing(Journal(tmp_path / "journal.sqlite")) as journal:
        journal.begin(START)
        yield journal


def close(journal: Journal, number: int, reply: Reply, status: Status) -> None:
    entry = SectionEntry(f"{number:016x}", number, (f"H{number}",), "", bytes([number]) * 32, "")
    ((_, unit),) = journal.enroll(journal.begin_document("a.md", 0), [entry], None)
    journal.close_attempt(journal.open_attempt(unit, 0.5), reply, status, cost_usd=0.25, permanent=False)


def test_failures_are_grouped_by_reason_also_those_that_only_the_answer_has(journal):
    filtered = Reply(Outcome.INCOMPLETE, 0.1, answer("Half", stop="content_filtered"))
    cut_off = Reply(Outcome.INCOMPLETE, 0.1, answer("Half", stop="max_tokens"))
    for number, reply in enumerate([filtered, cut_off, filtered]):
        close(journal, number, reply, Status.INCOMPLETE)
    close(journal, 3, Reply(Outcome.INVALID, 0.1, code="ValidationException", message="why"), Status.FAILED)
    close(journal, 4, Reply(Outcome.OK, 0.1, answer()), Status.OK)
    journal.db.execute("UPDATE answers SET raw = x'ff' WHERE unit = 2")
    (analysis,) = overview(journal.db, None, [])["analyses"]
    found = {(failure["status"], failure["code"]): failure for failure in analysis["failures"]}
    assert {key: failure["count"] for key, failure in found.items()} == {
        ("incomplete", "content_filtered"): 2,
        ("incomplete", ""): 1,  # damaged
        ("failed", "ValidationException"): 1,
    }
    assert found["failed", "ValidationException"]["heading"] == ["H3"]
    assert (analysis["units"], analysis["calls"]) == ({"failed": 1, "incomplete": 3, "ok": 1}, 5)
