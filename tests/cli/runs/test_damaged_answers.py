"""Answers in the journal that were changed or deleted from outside."""

import sqlite3
from collections import Counter

import pytest
from running import Workplace, emulator

CHANGES = {
    "changed": "UPDATE answers SET raw = CAST(replace(raw, 'a', 'b') AS BLOB) WHERE unit <= 20",
    "not an answer": "UPDATE answers SET raw = x'00' WHERE unit <= 20",
    "deleted": "DELETE FROM answers WHERE unit <= 20",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_damaged_answers_fail_and_only_they_are_called_again(tmp_path, change):
    with emulator() as bedrock:
        place = Workplace(tmp_path, bedrock.url)
        place.sections(50)
        assert place.run("--no-cache").returncode == 0
        with sqlite3.connect(place.out / "journal.sqlite") as journal:
            journal.execute(change)
        journal.close()
        ran = place.run("--no-cache")
        assert ran.returncode == 4, ran.stderr
        assert "note: stored answers that are damaged: 20; run again to call for them\n" in ran.stderr
        assert [place.summary()[key] for key in ("ok", "failed", "damaged")] == [30, 20, 20]
        assert Counter((row["status"], row["text"] is None) for row in place.results()) == {
            ("ok", False): 30, ("failed", True): 20,
        }  # fmt: skip
        assert len(bedrock.ledger()) == 50
        assert place.run("--no-cache").returncode == 0
        assert len(bedrock.ledger()) == 70
        assert place.summary()["ok"] == 50
