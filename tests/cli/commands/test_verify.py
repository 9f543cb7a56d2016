"""`bedrock-batch verify`: every damage of an output directory is found, and nothing is changed."""

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from running import Workplace, emulator

from jobs.record.journal import Journal
from jobs.record.output_lock import output_lock
from jobs.results.verification import problems

DIFFER = "lines that differ from the journal: 1, the first is "


@pytest.fixture
def finished(tmp_path) -> Path:
    """The output directory of a run with 30 sections; the working directory is its parent."""
    with emulator() as bedrock:
        place = Workplace(tmp_path, bedrock.url)
        place.sections(30)
        assert place.run().returncode == 0
    return place.out


def change(directory: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(directory / "journal.sqlite")) as journal, journal:
        journal.execute(statement, values)


def test_a_finished_run_has_no_problem_and_stays_as_it_is(shell, finished):
    files = [finished / name for name in ("journal.sqlite", "results.jsonl", "documents.jsonl", "summary.json")]
    before = [file.read_bytes() for file in files]
    assert shell("verify", "out") == (0, "out: no problem found\n", "")
    assert [file.read_bytes() for file in files] == before


def test_every_changed_byte_of_an_answer_is_found(finished):
    """One at a time, at a random place."""
    rng = random.Random(1)
    with closing(Journal(finished / "journal.sqlite")) as journal:
        answers = journal.db.execute("SELECT unit, raw FROM answers").fetchall()
        for _ in range(1000):
            unit, raw = rng.choice(answers)
            place = rng.randrange(len(raw))
            changed = raw[:place] + bytes([raw[place] ^ rng.randrange(1, 256)]) + raw[place + 1 :]
            journal.db.execute("UPDATE answers SET raw = ? WHERE unit = ?", (changed, unit))
            assert any(": it is damaged" in problem for problem in problems(journal.db, finished))
            journal.db.execute("UPDATE answers SET raw = ? WHERE unit = ?", (raw, unit))


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("DELETE FROM answers WHERE unit = 1", ": it is gone; the next run calls again\n"),
        ("UPDATE answers SET raw = x'' WHERE unit = 1", ": it is damaged; the next run calls again\n"),
        ("UPDATE answers SET raw = 7 WHERE unit = 1", ": it is damaged; the next run calls again\n"),
        ("UPDATE texts SET text = 7 WHERE unit = 1", ": it is damaged\n"),
        (
            "UPDATE units SET attempts = 9 WHERE id = 3",
            "results.jsonl: " + DIFFER + "3;",
        ),
        ("UPDATE documents SET bytes = 9", "documents.jsonl: " + DIFFER + "1;"),
    ],
)
def test_damage_in_the_journal_is_named(shell, finished, statement, message):
    change(finished, statement)
    code, out, err = shell("verify", "out")
    assert (code, err) == (13, "")
    assert message in out


@pytest.mark.parametrize("command", ["verify", "status", "export"])
def test_a_journal_that_cannot_be_decoded_is_damaged(shell, finished, command):
    change(finished, "UPDATE analyses SET question = '{'")
    code, _, err = shell(command, "out")
    assert code == 13
    assert "journal.sqlite is damaged" in err
    assert "hint: restore it from a backup" in err


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda file: file.unlink(), "results.jsonl: it is missing; run analyze again"),
        (lambda file: file.write_bytes(file.read_bytes()[:-50]), "results.jsonl: " + DIFFER + "30;"),
        (lambda file: file.write_bytes(file.read_bytes() + b"{}\n"), "results.jsonl: " + DIFFER + "31;"),
        (lambda file: file.write_bytes(b"\xff" + file.read_bytes()), "results.jsonl: " + DIFFER + "1;"),
    ],
    ids=["missing", "cut", "longer", "changed"],
)  # fmt: skip
def test_results_that_differ_from_the_journal_are_reported(shell, finished, damage, message):
    damage(finished / "results.jsonl")
    code, out, _ = shell("verify", "out")
    assert code == 13
    assert out.startswith(message)


def test_many_problems_are_counted(shell, finished):
    change(finished, "DELETE FROM answers")
    code, out, _ = shell("verify", "out")
    assert code == 13
    assert out.count("\n") == 21
    assert out.endswith("and 11 more\n")


def test_a_damaged_page_of_the_journal_is_an_error(shell, finished):
    content = bytearray((finished / "journal.sqlite").read_bytes())
    content[8192:] = b"\xff" * len(content[8192:])
    (finished / "journal.sqlite").write_bytes(content)
    code, out, err = shell("verify", "out")
    assert code == 13
    assert "journal.sqlite" in out + err


def test_a_directory_without_a_journal_or_in_use_is_refused(shell, finished):
    with output_lock(finished, 0.0):
        assert shell("verify", "out").err.startswith("bedrock-batch: error: another run holds out (process ")
    assert "there is no journal in docs" in shell.refused("verify", "docs")
    assert "there is no journal in bedrock-batch-out" in shell.refused("verify")
