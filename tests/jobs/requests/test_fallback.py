"""The local answer while the service is unavailable."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.documents.splitting import Section
from jobs.requests.answer import Usage
from jobs.requests.fallback import MARK, MAX_LENGTH, excerpt, local_answer
from jobs.requests.request import RequestTemplate, undelimited

TEMPLATE = RequestTemplate("model", "on-demand", "aws", "Summarize <document-0123456789abcdef>.", system="Be brief.")


def section(text: str, *heading: str) -> Section:
    return Section(0, heading, text, "", "00" * 8)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Thirty days.", "Thirty days."),
        ("  \n Thirty days. \n", "Thirty days."),
        ("Thirty days. " + "And so on " * 50, "Thirty days. ..."),
        ("Thirty days a year\n" + "and so on " * 50, "Thirty days a year ..."),
        ("Is it 3.14? " * 30, ("Is it 3.14? " * 25).strip() + " ..."),
        ("三十天。" * 100, "三十天。" * 75 + " ..."),
        ("word " * 100, "word " * 59 + "word ..."),
        ("x" * 400, "x" * 300 + " ..."),
    ],
)
def test_an_excerpt_is_the_first_sentences_that_fit_or_else_the_first_words(text, shown):
    assert excerpt(text) == shown


@given(st.text(min_size=1, max_size=1000))
def test_an_excerpt_is_a_short_prefix_of_the_text(text):
    shown = excerpt(text).removesuffix(" ...")
    assert len(shown) <= MAX_LENGTH
    assert text.strip().startswith(shown)
    assert bool(shown) is bool(text.strip())


def test_a_local_answer_is_marked_has_no_heading_and_costs_nothing():
    local = local_answer(TEMPLATE.build("a.md", section("Thirty days.", "Handbook", "Leave")), "Leave")
    assert local.text == f"{MARK}Thirty days."
    assert local.usage == Usage()
    assert local.complete


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1))
def test_a_sections_text_can_be_recovered_from_its_request(text):
    assert undelimited(TEMPLATE.build("a.md", section(text)).body) == text
