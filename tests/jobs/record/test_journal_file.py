"""The journal's file: created, checked, and refused where it is damaged, lost or another program's."""

import sqlite3
import stat
from pathlib import Path

import pytest

from jobs.errors import JournalError
from jobs.record.journal import Journal, RunStart
from jobs.record.protocol import SectionEntry

START = RunStart("r1", "2026-11-24T00:00:00Z", '{"endpoint":"aws","model":"model","prompt":"Summarize."}', "summarize")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.sqlite"


def test_a_new_journal_is_private(path):
    Journal(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_damaged_file_is_an_error_and_stays_unchanged(path):
    path.write_bytes(b"garbage" * 1000)
    with pytest.raises(JournalError, match="damaged") as caught:
        Journal(path)
    assert caught.value.hint.startswith("restore it from a backup")
    assert path.read_bytes() == b"garbage" * 1000


@pytest.mark.parametrize("lose", [Path.unlink, lambda path: path.write_bytes(b"")], ids=["deleted", "emptied"])
@pytest.mark.parametrize(
    ("name", "content"),
    [("results.jsonl", ""), ("documents.jsonl", ""), ("summary.json", '{"sections": 3}'), ("summary.json", "{")],
)
def test_a_lost_journal_is_not_replaced_where_earlier_results_are(path, lose, name, content):
    Journal(path).close()
    lose(path)
    path.with_name(name).write_text(content)
    with pytest.raises(JournalError, match="missing or empty, but there are results") as caught:
        Journal(path)
    assert "restore it from a backup" in caught.value.hint
    assert not path.exists() or not path.stat().st_size


def test_a_dangling_link_is_not_replaced(path):
    path.symlink_to("elsewhere.sqlite")
    with pytest.raises(JournalError, match="a link to a file that is missing or empty"):
        Journal(path)
    assert not path.with_name("elsewhere.sqlite").exists()


def test_the_summary_of_a_run_that_failed_before_its_journal_is_no_obstacle(path):
    path.with_name("summary.json").write_text('{"sections": 0, "exit_code": 12}')
    Journal(path).close()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("ALTER TABLE units DROP COLUMN message", "no column units.message"),
        ("DROP TABLE answers", "no column answers.answered_at"),
        ("DROP VIEW live", "no column live.analysis"),
        ("UPDATE units SET status = 'done'", "a unit has the status 'done'"),
        ("UPDATE units SET status = x'00'", "a unit has the status b"),
    ],
)
def test_damage_that_sqlite_does_not_know_of_is_found_before_the_first_call(path, change, reason):
    journal = Journal(path)
    journal.begin(START)
    journal.enroll(journal.begin_document("a.md", 0), [SectionEntry("0" * 16, 0, (), "", b"k" * 32, "")], None)
    journal.db.execute(change)
    journal.close()
    with pytest.raises(JournalError, match=f"is damaged .{reason}"):
        Journal(path)


def test_a_database_of_another_program_is_an_error(path):
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE theirs (x)")
    other.close()
    with pytest.raises(JournalError, match="not a journal of bedrock-batch"):
        Journal(path)


def test_a_journal_of_a_newer_version_is_an_error(path):
    journal = Journal(path)
    journal.db.execute("PRAGMA user_version = 99")
    journal.close()
    with pytest.raises(JournalError, match="newer version"):
        Journal(path)
