"""The journal on disk: later runs, refreshes, fallbacks and rows."""

import pytest
from answers import answer

from jobs.documents.document import Document
from jobs.record import queries
from jobs.record.cache import Cache
from jobs.record.journal import Journal, RunStart
from jobs.record.protocol import Disposition, SectionEntry, Status
from jobs.requests.reply import Reply
from ratelimit.outcome import Outcome

QUESTION = '{"endpoint":"aws","model":"model","prompt":"Summarize."}'
HASH = {name: name.encode().ljust(32, b".") for name in "abcdef"}


def entry(key: str, index: int = 0, document: int = 0) -> SectionEntry:
    return SectionEntry(f"{document:08x}{index:08x}", index, ("Heading",), "", HASH[key], f"Text {key}.")


def begun(path, *, selected: frozenset[Status] = frozenset(), hold: bool = False, run: str = "r1") -> Journal:
    journal = Journal(path)
    journal.begin(start(run, selected=selected, hold=hold))
    return journal


def start(run: str, **fields) -> RunStart:
    return RunStart(run, "2026-11-24T00:00:00Z", QUESTION, "summarize", **fields)


def rows(journal: Journal) -> list[queries.Row]:
    return list(queries.rows(journal.db, journal.analysis))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.sqlite"


def dispositions(store: Journal, *keys: str, cache=None, document: int = 0, start: int = 0) -> list[Disposition]:
    known = store.begin_document(f"d{document}.md", document)
    entries = [entry(key, index, document) for index, key in enumerate(keys, start)]
    return [enrolment.disposition for enrolment in store.enroll(known, entries, cache)]


def test_the_answer_to_a_cached_section_is_copied_into_the_journal(path, tmp_path):
    cache = Cache(tmp_path / "cache")
    cache.keep(HASH["a"], answer("from the cache"))
    journal = begun(path)
    expected = [Disposition.CACHED, Disposition.NEW, Disposition.DUPLICATE]
    assert dispositions(journal, "a", "b", "a", cache=cache) == expected
    cache.close()
    assert [row.source for row in rows(journal)] == ["cache", None, "cache"]
    journal.close()


def call(journal: Journal, key: str, outcome: Outcome, status: Status, *, permanent: bool = False, **fields) -> None:
    (unit,) = journal.db.execute("SELECT id FROM units WHERE key = ?", (HASH[key],)).fetchone()
    attempt = journal.open_attempt(unit, None)
    reply = Reply(outcome, 0.5, **fields)
    journal.close_attempt(attempt, reply, status, cost_usd=None, permanent=permanent)


def fall_back(journal: Journal, key: str) -> None:
    (unit,) = journal.db.execute("SELECT id FROM units WHERE key = ?", (HASH[key],)).fetchone()
    journal.close_uncalled(unit, Status.FALLBACK, "Outage", "the service is out", answer("the beginning"))


class TestNextRun:
    """What a run finds from earlier runs."""

    @pytest.mark.parametrize(
        ("status", "permanent", "selected", "disposition"),
        [
            (Status.OK, False, frozenset(), Disposition.ANSWERED),
            (Status.OK, False, frozenset({Status.OK}), Disposition.NEW),
            (Status.NEW, False, frozenset(), Disposition.NEW),
            (Status.FALLBACK, False, frozenset(), Disposition.NEW),
            (Status.FAILED, False, frozenset(), Disposition.NEW),
            (Status.FAILED, True, frozenset(), Disposition.SKIPPED),
            (Status.FAILED, True, frozenset({Status.FAILED}), Disposition.NEW),
            (Status.INCOMPLETE, False, frozenset(), Disposition.SKIPPED),
            (Status.INCOMPLETE, False, frozenset({Status.INCOMPLETE}), Disposition.NEW),
            (Status.HELD, False, frozenset(), Disposition.SKIPPED),
            (Status.HELD, False, frozenset({Status.HELD}), Disposition.NEW),
        ],
    )
    def test_the_next_run_calls_or_skips_a_unit_by_its_status(self, path, status, permanent, selected, disposition):
        first = begun(path)
        dispositions(first, "a")
        found = answer() if status in (Status.OK, Status.INCOMPLETE) else None
        call(first, "a", Outcome.OK if found else Outcome.INVALID, status, answer=found, permanent=permanent)
        first.close()
        second = begun(path, selected=selected, run="r2")
        second_section = Disposition.DUPLICATE if disposition is Disposition.NEW else disposition
        assert dispositions(second, "a", "a") == [disposition, second_section]
        second.close()

    @pytest.mark.parametrize(("hold", "disposition"), [(False, Disposition.NEW), (True, Disposition.SKIPPED)])
    def test_an_open_attempt_of_a_killed_run_has_an_unknown_outcome(self, path, hold, disposition):
        first = begun(path)
        (unit,) = [e.unit for e in first.enroll(first.begin_document("d", 0), [entry("a")], None)]
        first.open_attempt(unit, None)
        first.close()
        second = Journal(path)
        assert second.begin(start("r2", hold=hold)) == 1
        assert dispositions(second, "a") == [disposition]
        assert queries.maybe_paid_twice(second.db)[0] == 0
        if not hold:
            call(second, "a", Outcome.OK, Status.OK, answer=answer())
            assert queries.maybe_paid_twice(second.db)[0] == 1
        second.close()

    def test_hold_holds_a_unit_whose_last_closed_attempt_is_unknown(self, path):
        first = begun(path)
        dispositions(first, "a")
        call(first, "a", Outcome.UNKNOWN, Status.NEW)
        first.close()
        second = begun(path, hold=True, run="r2")
        assert dispositions(second, "a") == [Disposition.SKIPPED]
        (row,) = rows(second)
        assert (row.status, row.attempts, row.code) == (Status.HELD, 1, "Interrupted")
        second.close()

    def test_lone_surrogates_of_a_reply_are_stored_escaped(self, path):
        journal = begun(path)
        dispositions(journal, "a")
        call(journal, "a", Outcome.INVALID, Status.FAILED, message="\ud800", request_id="\udcff")
        (row,) = rows(journal)
        assert row.message == "\\ud800"
        journal.close()

    def test_throttled_and_unsent_calls_are_not_paid_twice(self, path):
        journal = begun(path)
        dispositions(journal, "a")
        for outcome in (Outcome.THROTTLED, Outcome.TRANSIENT, Outcome.CANCELLED):
            call(journal, "a", outcome, Status.NEW)
        call(journal, "a", Outcome.OK, Status.OK, answer=answer())
        assert queries.maybe_paid_twice(journal.db)[0] == 0
        journal.close()


class TestRefresh:
    """A refreshed unit keeps its answer until there is a new one."""

    def refreshing(self, path) -> Journal:
        first = begun(path)
        dispositions(first, "a")
        call(first, "a", Outcome.OK, Status.OK, answer=answer("the first"))
        first.close()
        second = begun(path, selected=frozenset({Status.OK}), run="r2")
        assert dispositions(second, "a") == [Disposition.NEW]
        return second

    def test_a_stopped_refresh_keeps_the_answer(self, path):
        second = self.refreshing(path)
        assert (queries.tally(second), queries.not_refreshed(second)) == ({Status.OK: 1}, 1)
        second.close()
        third = begun(path, run="r3")
        assert dispositions(third, "a") == [Disposition.ANSWERED]
        assert queries.tally(third) == {Status.OK: 1}
        third.close()

    @pytest.mark.parametrize(("outcome", "status"), [(Outcome.INVALID, Status.FAILED), (Outcome.OK, Status.INCOMPLETE)])
    def test_a_failed_or_incomplete_refresh_keeps_the_complete_answer(self, path, outcome, status):
        second = self.refreshing(path)
        half = answer("Half", stop="max_tokens") if status is Status.INCOMPLETE else None
        call(second, "a", outcome, status, answer=half)
        assert queries.tally(second) == {Status.OK: 1}
        (row,) = rows(second)
        assert b"the first" in (row.raw or b"")
        second.close()

    def test_a_refresh_replaces_the_answer(self, path):
        second = self.refreshing(path)
        call(second, "a", Outcome.OK, Status.OK, answer=answer("the second"))
        (row,) = rows(second)
        assert b"the second" in (row.raw or b"")
        second.close()

    def test_a_refresh_that_does_not_fit_the_quota_keeps_the_answer_and_is_counted(self, path):
        second = self.refreshing(path)
        (unit,) = second.db.execute("SELECT id FROM units").fetchone()
        second.close_uncalled(unit, Status.FAILED, "NeverFits", "needs more tokens than the quota")
        assert (queries.tally(second), queries.not_refreshed(second)) == ({Status.OK: 1}, 1)
        (row,) = rows(second)
        assert (row.status, row.code) == (Status.OK, "")
        assert b"the first" in (row.raw or b"")
        second.close()
        third = begun(path, run="r3")
        assert dispositions(third, "a") == [Disposition.ANSWERED]
        third.close()


class TestFallback:
    """A local answer stays until a run has a real one."""

    def answered(self, path) -> Journal:
        first = begun(path)
        dispositions(first, "a")
        fall_back(first, "a")
        return first

    def test_a_fallback_row_has_its_own_status_source_and_reason(self, path):
        journal = self.answered(path)
        assert queries.tally(journal) == {Status.FALLBACK: 1}
        (row,) = rows(journal)
        assert (row.status, row.source, row.cost_usd, row.code) == (Status.FALLBACK, "fallback", 0.0, "Outage")
        assert b"the beginning" in (row.raw or b"")
        journal.close()

    @pytest.mark.parametrize(
        ("outcome", "status", "source"),
        [(Outcome.OK, Status.OK, "bedrock"), (Outcome.OK, Status.INCOMPLETE, "bedrock"),
         (Outcome.INVALID, Status.FAILED, None), (Outcome.UNKNOWN, Status.HELD, None)],
    )  # fmt: skip
    def test_the_next_run_replaces_a_fallback(self, path, outcome, status, source):
        self.answered(path).close()
        second = begun(path, run="r2")
        assert dispositions(second, "a") == [Disposition.NEW]
        call(second, "a", outcome, status, answer=answer("brought") if source else None)
        (row,) = rows(second)
        assert (row.status, row.source) == (status, source)
        assert (row.raw is None) is (source is None)
        second.close()

    def test_a_fallback_stays_if_the_next_run_stops_early(self, path):
        self.answered(path).close()
        second = begun(path, run="r2")
        dispositions(second, "a")
        assert queries.tally(second) == {Status.FALLBACK: 1}
        assert rows(second)[0].status is Status.FALLBACK
        second.close()

    @pytest.mark.parametrize("status", [Status.OK, Status.INCOMPLETE])
    def test_a_fallback_does_not_replace_a_paid_answer(self, path, status):
        first = begun(path)
        dispositions(first, "a")
        call(first, "a", Outcome.OK, status, answer=answer("the first"))
        first.close()
        second = begun(path, selected=frozenset({Status.OK, Status.INCOMPLETE}), run="r2")
        dispositions(second, "a")
        fall_back(second, "a")
        assert (queries.tally(second), queries.not_refreshed(second)) == ({status: 1}, status is Status.OK)
        (row,) = rows(second)
        assert (row.status, row.source, row.code) == (status, "bedrock", "")
        assert b"the first" in (row.raw or b"")
        second.close()


def read(journal: Journal, name: str, position: int, *keys: str) -> None:
    document = journal.begin_document(name, position)
    entries = [
        SectionEntry(f"{hash((name, i)) & (1 << 64) - 1:016x}", i, (), "", HASH[key], "") for i, key in enumerate(keys)
    ]
    if entries:
        journal.enroll(document, entries, None)
    journal.end_document(document, Document(name, "markdown", 10, len(keys)))


def seen(journal: Journal) -> list[tuple[str, int, bytes, bool]]:
    return [(row.document, row.position, row.key[:1], row.is_duplicate) for row in rows(journal)]


class TestRows:
    def test_rows_are_in_listing_order_and_one_bears_the_cost(self, path):
        journal = begun(path)
        read(journal, "z.md", 0, "a", "b")
        read(journal, "a.md", 1, "b", "c")
        queries.mark_missing(journal)
        assert seen(journal) == [
            ("z.md", 0, b"a", False),
            ("z.md", 1, b"b", False),
            ("a.md", 0, b"b", True),
            ("a.md", 1, b"c", False),
        ]
        assert queries.unique(journal) == 3
        assert queries.tally(journal) == {Status.NEW: 4}
        journal.close()

    def test_a_renamed_document_keeps_its_answers(self, path):
        first = begun(path)
        read(first, "old.md", 0, "a")
        call(first, "a", Outcome.OK, Status.OK, answer=answer())
        queries.mark_missing(first)
        first.close()
        second = begun(path, run="r2")
        read(second, "new.md", 0, "a")
        queries.mark_missing(second)
        assert seen(second) == [("new.md", 0, b"a", False)]
        assert rows(second)[0].source == "bedrock"
        second.close()

    def test_no_document_is_gone_before_the_listing_is_complete(self, path):
        first = begun(path)
        read(first, "a.md", 0, "a", "b")
        read(first, "b.md", 1, "c")
        first.close()
        second = begun(path, run="r2")
        document = second.begin_document("a.md", 0)
        second.enroll(
            document, [SectionEntry(f"{hash(('a.md', 0)) & (1 << 64) - 1:016x}", 0, (), "", HASH["a"], "")], None
        )
        assert [row[:3] for row in seen(second)] == [("a.md", 0, b"a"), ("a.md", 1, b"b"), ("b.md", 0, b"c")]
        second.close()

    def test_an_interrupted_run_leaves_one_row_per_position(self, path):
        first = begun(path)
        read(first, "a.md", 0, "a", "b")
        first.close()
        second = begun(path, run="r2")
        second.enroll(second.begin_document("a.md", 0), [SectionEntry("ff" * 8, 0, ("New",), "", HASH["c"], "")], None)
        assert [row[:3] for row in seen(second)] == [("a.md", 0, b"c"), ("a.md", 1, b"b")]
        assert [read.status for _, read in queries.documents(second.db, second.analysis)] == ["partial"]
        second.close()

    def test_sections_removed_by_an_edit_leave_the_results(self, path):
        first = begun(path)
        read(first, "a.md", 0, "a", "b")
        first.close()
        second = begun(path, run="r2")
        read(second, "a.md", 0, "a")
        assert queries.mark_missing(second) == 0
        assert [row[:3] for row in seen(second)] == [("a.md", 0, b"a")]
        assert second.sections_left == 1
        second.close()


def test_a_transaction_is_atomic(path):
    journal = begun(path)

    def breaks(_: Journal) -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        journal.transact([lambda j: j.begin_document("a.md", 0), breaks])
    assert journal.transact([lambda j: j.begin_document("b.md", 0)]) == [1]
    assert [document.path for _, document in queries.documents(journal.db, journal.analysis)] == ["b.md"]
    journal.close()


def test_lengths_are_those_of_the_analysis(path):
    journal = begun(path)
    dispositions(journal, "a", "b", "c")
    assert queries.longest_answer(journal.db, journal.analysis) == 0
    call(journal, "a", Outcome.OK, Status.OK, answer=answer())
    assert queries.answer_lengths(journal.db, journal.analysis) == ([], [])
    call(journal, "b", Outcome.INCOMPLETE, Status.INCOMPLETE, answer=answer(stop="max_tokens"))
    assert queries.answer_lengths(journal.db, journal.analysis) == ([5], [1024])
    assert queries.longest_answer(journal.db, journal.analysis) == 1024
    journal.close()
