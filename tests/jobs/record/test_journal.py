"""The journal on disk: later runs, refreshes, fallbacks, rows, and the file itself."""

import sqlite3
import stat

import pytest
from answers import answer

from jobs.documents.document import Document
from jobs.errors import JournalError
from jobs.record import queries as report
from jobs.record.journal import Journal, RetrySelection
from jobs.record.protocol import AttemptResult, Disposition, NoCache, SectionEntry, Status
from ratelimit.outcome import Outcome

HASH = {name: name.encode().ljust(32, b".") for name in "abcdef"}


def entry(key: str, index: int = 0, document: int = 0) -> SectionEntry:
    return SectionEntry(f"{document:08x}{index:08x}", index, ("Heading",), "", HASH[key])


def begun(path, *, selection: RetrySelection | None = None, hold: bool = False, run: str = "r1") -> Journal:
    journal = Journal(path)
    journal.begin(run, "2026-11-24T00:00:00Z", "model", "aws", selection or RetrySelection(), hold=hold)
    return journal


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.sqlite"


class Remembers(NoCache):
    """A cache that knows one answer."""

    def __init__(self, key: str) -> None:
        self._key = HASH[key]

    def find(self, keys):
        return {key: answer("from the cache") for key in keys if key == self._key}


def places(store: Journal, *keys: str, cache=None, document: int = 0, start: int = 0) -> list[Disposition]:
    known = store.begin_document(f"d{document}.md", document)
    entries = [entry(key, index, document) for index, key in enumerate(keys, start)]
    return [enrolment.disposition for enrolment in store.enroll(known, entries, cache or NoCache())]


def test_the_answer_to_a_cached_section_is_copied_into_the_journal(path):
    journal = begun(path)
    expected = [Disposition.CACHED, Disposition.NEW, Disposition.DUPLICATE]
    assert places(journal, "a", "b", "a", cache=Remembers("a")) == expected
    assert [row.source for row in report.rows(journal)] == ["cache", None, "cache"]
    journal.close()


def call(journal: Journal, key: str, outcome: Outcome, status: Status, **fields) -> None:
    (unit,) = journal.db.execute("SELECT id FROM units WHERE key = ?", (HASH[key],)).fetchone()
    attempt = journal.open_attempt(unit)
    journal.close_attempt(attempt, AttemptResult(outcome, status, 0.5, **fields))


def fall_back(journal: Journal, key: str) -> None:
    (unit,) = journal.db.execute("SELECT id FROM units WHERE key = ?", (HASH[key],)).fetchone()
    journal.fall_back(unit, answer("the beginning"), "Outage", "the service is out")


class TestNextRun:
    """What a run finds of the one before it."""

    @pytest.mark.parametrize(
        ("status", "permanent", "selection", "place"),
        [
            (Status.OK, False, RetrySelection(), Disposition.ANSWERED),
            (Status.OK, False, RetrySelection(answered=True), Disposition.NEW),
            (Status.NEW, False, RetrySelection(), Disposition.NEW),
            (Status.FALLBACK, False, RetrySelection(), Disposition.NEW),
            (Status.FAILED, False, RetrySelection(), Disposition.NEW),
            (Status.FAILED, True, RetrySelection(), Disposition.SKIPPED),
            (Status.FAILED, True, RetrySelection(failed=True), Disposition.NEW),
            (Status.INCOMPLETE, False, RetrySelection(), Disposition.SKIPPED),
            (Status.INCOMPLETE, False, RetrySelection(incomplete=True), Disposition.NEW),
            (Status.HELD, False, RetrySelection(), Disposition.SKIPPED),
            (Status.HELD, False, RetrySelection(held=True), Disposition.NEW),
        ],
    )
    def test_units_are_taken_up_or_left(self, path, status, permanent, selection, place):
        first = begun(path)
        places(first, "a")
        found = answer() if status in (Status.OK, Status.INCOMPLETE) else None
        call(first, "a", Outcome.OK if found else Outcome.INVALID, status, answer=found, permanent=permanent)
        first.close()
        second = begun(path, selection=selection, run="r2")
        assert places(second, "a", "a") == [place, Disposition.DUPLICATE if place is Disposition.NEW else place]
        second.close()

    @pytest.mark.parametrize(("hold", "place"), [(False, Disposition.NEW), (True, Disposition.SKIPPED)])
    def test_an_attempt_left_open_by_a_killed_run_is_unknown(self, path, hold, place):
        first = begun(path)
        (unit,) = [e.unit for e in first.enroll(first.begin_document("d", 0), [entry("a")], NoCache())]
        first.open_attempt(unit)
        first.close()
        second = Journal(path)
        assert second.begin("r2", "", "model", "aws", RetrySelection(), hold=hold) == 1
        assert places(second, "a") == [place]
        assert report.maybe_paid_twice(second) == 0
        if not hold:
            call(second, "a", Outcome.OK, Status.OK, answer=answer())
            assert report.maybe_paid_twice(second) == 1
        second.close()

    def test_with_hold_a_unit_whose_last_call_is_unknown_is_held_though_its_attempt_was_closed(self, path):
        first = begun(path)
        places(first, "a")
        call(first, "a", Outcome.UNKNOWN, Status.NEW)
        first.close()
        second = begun(path, hold=True, run="r2")
        assert places(second, "a") == [Disposition.SKIPPED]
        (row,) = report.rows(second)
        assert (row.status, row.attempts, row.code) == (Status.HELD, 1, "Interrupted")
        second.close()

    def test_text_of_a_server_that_is_no_unicode_is_stored_written_out(self, path):
        journal = begun(path)
        places(journal, "a")
        call(journal, "a", Outcome.INVALID, Status.FAILED, message="\ud800", request_id="\udcff")
        (row,) = report.rows(journal)
        assert row.message == "\\ud800"
        journal.close()

    def test_a_throttle_or_a_call_never_sent_is_not_paid_twice(self, path):
        journal = begun(path)
        places(journal, "a")
        for outcome in (Outcome.THROTTLED, Outcome.TRANSIENT, Outcome.CANCELLED):
            call(journal, "a", outcome, Status.NEW)
        call(journal, "a", Outcome.OK, Status.OK, answer=answer())
        assert report.maybe_paid_twice(journal) == 0
        journal.close()


class TestTakenUp:
    """A unit that a run takes up again keeps what it has until the run brings something."""

    def taken_up(self, path) -> Journal:
        first = begun(path)
        places(first, "a")
        call(first, "a", Outcome.OK, Status.OK, answer=answer("the first"))
        first.close()
        second = begun(path, selection=RetrySelection(answered=True), run="r2")
        assert places(second, "a") == [Disposition.NEW]
        return second

    def test_a_refresh_that_is_stopped_loses_nothing(self, path):
        second = self.taken_up(path)
        assert report.tally(second) == {Status.NEW: 1}
        second.close()
        third = begun(path, run="r3")
        assert places(third, "a") == [Disposition.ANSWERED]
        assert report.tally(third) == {Status.OK: 1}
        third.close()

    @pytest.mark.parametrize(("outcome", "status"), [(Outcome.INVALID, Status.FAILED), (Outcome.OK, Status.INCOMPLETE)])
    def test_a_refresh_that_brings_less_does_not_replace_a_complete_answer(self, path, outcome, status):
        second = self.taken_up(path)
        half = answer("Half", stop="max_tokens") if status is Status.INCOMPLETE else None
        call(second, "a", outcome, status, answer=half)
        assert report.tally(second) == {Status.OK: 1}
        (row,) = report.rows(second)
        assert b"the first" in (row.raw or b"")
        second.close()

    def test_a_refresh_that_brings_an_answer_replaces_it(self, path):
        second = self.taken_up(path)
        call(second, "a", Outcome.OK, Status.OK, answer=answer("the second"))
        (row,) = report.rows(second)
        assert b"the second" in (row.raw or b"")
        second.close()

    def test_a_unit_that_no_longer_fits_keeps_its_answer_and_is_still_to_do(self, path):
        second = self.taken_up(path)
        (unit,) = second.db.execute("SELECT id FROM units").fetchone()
        second.fail(unit, "NeverFits", "needs more tokens than the quota")
        assert report.tally(second) == {Status.NEW: 1}
        (row,) = report.rows(second)
        assert (row.status, row.code) == (Status.OK, "")
        assert b"the first" in (row.raw or b"")
        second.close()
        third = begun(path, run="r3")
        assert places(third, "a") == [Disposition.ANSWERED]
        third.close()


class TestFallback:
    """A local answer stands in until a run brings something else."""

    def answered(self, path) -> Journal:
        first = begun(path)
        places(first, "a")
        fall_back(first, "a")
        return first

    def test_it_is_a_row_of_its_own_status_and_source_with_its_reason(self, path):
        journal = self.answered(path)
        assert report.tally(journal) == {Status.FALLBACK: 1}
        (row,) = report.rows(journal)
        assert (row.status, row.source, row.cost_usd, row.code) == (Status.FALLBACK, "fallback", 0.0, "Outage")
        assert b"the beginning" in (row.raw or b"")
        journal.close()

    @pytest.mark.parametrize(
        ("outcome", "status", "source"),
        [(Outcome.OK, Status.OK, "bedrock"), (Outcome.OK, Status.INCOMPLETE, "bedrock"),
         (Outcome.INVALID, Status.FAILED, None), (Outcome.UNKNOWN, Status.HELD, None)],
    )  # fmt: skip
    def test_whatever_the_next_run_brings_replaces_it(self, path, outcome, status, source):
        self.answered(path).close()
        second = begun(path, run="r2")
        assert places(second, "a") == [Disposition.NEW]
        call(second, "a", outcome, status, answer=answer("brought") if source else None)
        (row,) = report.rows(second)
        assert (row.status, row.source) == (status, source)
        assert (row.raw is None) is (source is None)
        second.close()

    def test_it_stays_if_the_next_run_is_stopped_before(self, path):
        self.answered(path).close()
        second = begun(path, run="r2")
        places(second, "a")
        assert report.tally(second) == {Status.NEW: 1}
        assert next(report.rows(second)).status is Status.FALLBACK
        second.close()

    @pytest.mark.parametrize("status", [Status.OK, Status.INCOMPLETE])
    def test_what_was_paid_for_is_not_given_up_for_it_and_the_section_is_still_to_do(self, path, status):
        first = begun(path)
        places(first, "a")
        call(first, "a", Outcome.OK, status, answer=answer("the first"))
        first.close()
        second = begun(path, selection=RetrySelection(answered=True, incomplete=True), run="r2")
        places(second, "a")
        fall_back(second, "a")
        assert report.tally(second) == {Status.NEW: 1}
        (row,) = report.rows(second)
        assert (row.status, row.source, row.code) == (status, "bedrock", "")
        assert b"the first" in (row.raw or b"")
        second.close()


def read(journal: Journal, name: str, position: int, *keys: str) -> None:
    document = journal.begin_document(name, position)
    entries = [
        SectionEntry(f"{hash((name, i)) & (1 << 64) - 1:016x}", i, (), "", HASH[key]) for i, key in enumerate(keys)
    ]
    if entries:
        journal.enroll(document, entries, NoCache())
    journal.end_document(document, Document(name, "markdown", 10, len(keys)))


def seen(journal: Journal) -> list[tuple[str, int, bytes, bool]]:
    return [(row.document, row.position, row.key[:1], row.is_duplicate) for row in report.rows(journal)]


class TestRows:
    def test_rows_come_in_the_order_of_the_listing_and_one_owns_the_answer(self, path):
        journal = begun(path)
        read(journal, "z.md", 0, "a", "b")
        read(journal, "a.md", 1, "b", "c")
        report.mark_missing(journal)
        assert seen(journal) == [
            ("z.md", 0, b"a", False),
            ("z.md", 1, b"b", False),
            ("a.md", 0, b"b", True),
            ("a.md", 1, b"c", False),
        ]
        assert report.unique(journal) == 3
        assert report.tally(journal) == {Status.NEW: 4}
        journal.close()

    def test_a_renamed_document_takes_its_answers_along(self, path):
        first = begun(path)
        read(first, "old.md", 0, "a")
        call(first, "a", Outcome.OK, Status.OK, answer=answer())
        report.mark_missing(first)
        first.close()
        second = begun(path, run="r2")
        read(second, "new.md", 0, "a")
        report.mark_missing(second)
        assert seen(second) == [("new.md", 0, b"a", False)]
        assert next(report.rows(second)).source == "bedrock"
        second.close()

    def test_until_all_inputs_are_listed_none_is_gone(self, path):
        first = begun(path)
        read(first, "a.md", 0, "a", "b")
        read(first, "b.md", 1, "c")
        first.close()
        second = begun(path, run="r2")
        document = second.begin_document("a.md", 0)
        second.enroll(
            document, [SectionEntry(f"{hash(('a.md', 0)) & (1 << 64) - 1:016x}", 0, (), "", HASH["a"])], NoCache()
        )
        assert [row[:3] for row in seen(second)] == [("a.md", 0, b"a"), ("a.md", 1, b"b"), ("b.md", 0, b"c")]
        second.close()

    def test_an_interrupted_run_leaves_one_row_for_each_place_of_a_document(self, path):
        first = begun(path)
        read(first, "a.md", 0, "a", "b")
        first.close()
        second = begun(path, run="r2")
        second.enroll(second.begin_document("a.md", 0), [SectionEntry("ff" * 8, 0, ("New",), "", HASH["c"])], NoCache())
        assert [row[:3] for row in seen(second)] == [("a.md", 0, b"c"), ("a.md", 1, b"b")]
        assert [read.status for _, read in report.documents(second)] == ["partial"]
        second.close()

    def test_sections_that_an_edit_removed_leave_the_results(self, path):
        first = begun(path)
        read(first, "a.md", 0, "a", "b")
        first.close()
        second = begun(path, run="r2")
        read(second, "a.md", 0, "a")
        report.mark_missing(second)
        assert [row[:3] for row in seen(second)] == [("a.md", 0, b"a")]
        second.close()


class TestFile:
    def test_it_is_for_its_owner_only_from_its_creation(self, path):
        begun(path).close()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_a_transaction_is_applied_whole_or_not_at_all(self, path):
        journal = begun(path)

        def breaks(_: Journal) -> None:
            raise ValueError("broken")

        with pytest.raises(ValueError, match="broken"):
            journal.transact([lambda j: j.begin_document("a.md", 0), breaks])
        assert journal.transact([lambda j: j.begin_document("b.md", 0)]) == [1]
        assert [document.path for _, document in report.documents(journal)] == ["b.md"]
        journal.close()

    def test_garbage_is_refused_and_left_as_it_is(self, path):
        path.write_bytes(b"garbage" * 1000)
        with pytest.raises(JournalError, match="damaged") as caught:
            Journal(path)
        assert caught.value.hint.startswith("restore it from a backup")
        assert path.read_bytes() == b"garbage" * 1000

    def test_an_emptied_journal_beside_results_is_refused(self, path):
        begun(path).close()
        path.write_bytes(b"")
        path.with_name("results.jsonl").touch()
        with pytest.raises(JournalError, match="is empty, but there are results"):
            Journal(path)

    def test_another_programs_database_is_refused(self, path):
        with sqlite3.connect(path) as other:
            other.execute("CREATE TABLE theirs (x)")
        other.close()
        with pytest.raises(JournalError, match="not a journal of bedrock-batch"):
            Journal(path)

    def test_a_newer_versions_journal_is_refused(self, path):
        journal = begun(path)
        journal.db.execute("PRAGMA user_version = 99")
        journal.close()
        with pytest.raises(JournalError, match="newer version"):
            Journal(path)
