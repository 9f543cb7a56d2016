"""Which analysis a question belongs to."""

import json
from contextlib import closing

import pytest

from jobs.errors import ConfigurationError
from jobs.record.analysis import all_analyses, analysis_for, default_name
from jobs.record.journal import Journal


@pytest.fixture
def db(tmp_path):
    with closing(Journal(tmp_path / "journal.sqlite")) as journal:
        yield journal.db


def question(prompt: str, model: str = "m") -> str:
    return json.dumps({"model": model, "prompt": prompt})


def test_the_default_name_is_the_tasks_or_a_hash_of_the_question():
    assert default_name("summarize", question("a")) == "summarize"
    first, second = default_name(None, question("a")), default_name(None, question("b"))
    assert first != second
    assert first.removeprefix("prompt-").isalnum()
    assert len(first) == len("prompt-01234567")


def test_the_same_question_is_the_same_analysis(db):
    first = analysis_for(db, question("a"), None, "summarize")
    assert analysis_for(db, question("a"), None, "summarize") == first
    assert (first.name, first.model, first.question["prompt"]) == ("summarize", "m", "a")


def test_another_question_gets_another_analysis_even_under_the_same_default_name(db):
    first = analysis_for(db, question("a"), None, "summarize")
    second = analysis_for(db, question("a", model="n"), None, "summarize")
    assert second.name.startswith("summarize-")
    assert [analysis.name for analysis in all_analyses(db)] == [first.name, second.name]


def test_a_name_of_the_users_is_kept_and_found_without_it(db):
    named = analysis_for(db, question("a"), "parties", "prompt-1")
    assert named.name == "parties"
    assert analysis_for(db, question("a"), None, "prompt-1") == named


def test_one_question_can_have_two_names(db):
    assert analysis_for(db, question("a"), "2025", "x") != analysis_for(db, question("a"), "2026", "x")


def test_a_name_of_another_question_is_refused_with_what_differs(db):
    analysis_for(db, question("a"), "parties", "x")
    with pytest.raises(ConfigurationError, match="the analysis parties .* another model, prompt"):
        analysis_for(db, question("b", model="n"), "parties", "x")
