"""Journals of schema version 1 are migrated, and their answers are not paid for again."""

import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest

from jobs.documents.document import Document, Part
from jobs.documents.splitting import split
from jobs.errors import JournalError
from jobs.record import queries
from jobs.record.analysis import all_analyses, named
from jobs.record.journal import Journal, RunStart
from jobs.record.journal_file import open_for_reading
from jobs.record.migration import drop_adopted
from jobs.record.protocol import Disposition, SectionEntry, Status
from jobs.requests import version_1
from jobs.requests.request import RequestTemplate
from jobs.requests.tasks import TASKS

VERSION_1 = Path(__file__).with_name("version_1.sql")
TEXTS = {
    "docs/a.md": f"# Leave\n\nThirty days.\n\n# Pay\n\nMonthly.\n\n# Long\n\n{'word ' * 60}\n",
    "docs/b.md": "# Leave\n\nThirty days.\n",
}
MODEL = "amazon.nova-lite-v1:0"


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "journal.sqlite"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(VERSION_1.read_text())
    return path


def rerun(journal: Journal, prompt: str, max_tokens: int) -> list[Disposition]:
    """Enroll the documents of the journal as a run with this prompt does."""
    template = RequestTemplate(MODEL, "on-demand", "emulator", prompt, max_tokens=max_tokens)
    journal.begin(RunStart(uuid4().hex, "", template.question, "summarize", max_tokens=max_tokens))
    found, limits = [], journal.version_1_limits()
    for position, (name, text) in enumerate(TEXTS.items()):
        entries = [
            SectionEntry(
                section.id, section.number, section.heading, "", template.build(name, section).key, section.text,
                version_1.keys(template, name, section, limits),
            )
            for section in split(name, [Part(text)], 2000)
        ]  # fmt: skip
        document = journal.begin_document(name, position)
        found += [enrolment.disposition for enrolment in journal.enroll(document, entries, None)]
        journal.end_document(document, Document(name, "markdown", 1, len(entries)))
    return found


def test_everything_is_kept_and_a_private_backup_is_left(path):
    before = path.read_bytes()
    with closing(Journal(path)) as journal:
        assert journal.backup == path.with_name("journal.sqlite.version-1-1")
        (analysis,) = all_analyses(journal.db)
        assert (analysis.name, analysis.model) == ("migrated", MODEL)
        rows = list(queries.rows(journal.db, analysis))
        assert [row.status for row in rows] == [Status.OK] * 4
        assert {row.source for row in rows} == {"emulator"}
        assert all(row.run_id and row.answered_at for row in rows)
        units = journal.db.execute("SELECT status, count(*) FROM units GROUP BY 1").fetchall()
        assert units == [("incomplete", 1), ("ok", 6)]
        assert queries.spend(journal.db)["migrated"].calls == 7
        assert queries.spend(journal.db)["migrated"].input_tokens > 0
    assert stat.S_IMODE(path.with_name("journal.sqlite.version-1-1").stat().st_mode) == 0o600
    with closing(sqlite3.connect(path.with_name("journal.sqlite.version-1-1"))) as backup:
        assert backup.execute("PRAGMA user_version").fetchone() == (1,)
        assert backup.execute("SELECT count(*) FROM answers").fetchone() == (7,)
    assert before != path.read_bytes()
    with closing(Journal(path)) as again:
        assert again.backup is None


def test_the_same_question_finds_its_answers(path):
    with closing(Journal(path)) as journal:
        expected = [Disposition.ANSWERED] * 4
        assert rerun(journal, TASKS["summarize"], 1024) == expected
        drop_adopted(journal.db)
        rows = list(queries.rows(journal.db, journal.analysis))
        assert [(row.status, row.is_duplicate) for row in rows] == [(Status.OK, False)] * 3 + [(Status.OK, True)]
        assert all(row.cost_usd for row in rows)
        assert list(queries.rows(journal.db, named(journal.db, "migrated"))) == []
        assert rerun(journal, TASKS["summarize"], 1024) == expected


def test_an_answer_that_was_cut_off_is_called_again_under_a_larger_limit_only(path):
    for limit, long in ((12, Disposition.SKIPPED), (13, Disposition.NEW)):
        with closing(Journal(path)) as journal:
            answered = Disposition.ANSWERED
            assert rerun(journal, "Count {document}.", limit) == [answered, answered, long, answered]


def test_reading_commands_leave_an_older_journal_as_it_is(path):
    before = path.read_bytes()
    with pytest.raises(JournalError, match="older version"):
        open_for_reading(path)
    assert path.read_bytes() == before


def test_a_damaged_answer_does_not_stop_the_migration(path):
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE answers SET raw = x'7bff' WHERE unit = 5")
        db.commit()
    with closing(Journal(path)) as journal:
        assert len(list(queries.rows(journal.db, all_analyses(journal.db)[0]))) == 4


def test_a_migration_that_is_cut_off_leaves_version_1(path, monkeypatch):
    def cut_off(db: sqlite3.Connection, schema: str) -> None:
        db.execute("DROP TABLE answers")
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("jobs.record.migration.migrate", cut_off)
        with pytest.raises(KeyboardInterrupt):
            Journal(path)
    with closing(Journal(path)) as journal:
        assert journal.backup == path.with_name("journal.sqlite.version-1-2")
