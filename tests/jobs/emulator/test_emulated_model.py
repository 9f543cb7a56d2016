"""The emulated model extracts sentences, marks its answers and respects limits."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.emulator.emulated_model import MARK, answer, document, extract
from jobs.emulator.prompt import Prompt, size_of, tokens

TEXT = (
    "The harbour was closed on Monday. Nobody knew why. Storms had damaged the harbour wall, and the harbour master "
    "feared more storms. Coffee was served. The harbour opens again when the storms are over."
)


def prompt(text: str = TEXT, **fields) -> Prompt:
    return Prompt(text, 1, None, **fields)


def test_extract_takes_the_first_sentence_and_the_two_best_in_text_order():
    assert extract(TEXT) == (
        "The harbour was closed on Monday. Storms had damaged the harbour wall, and the harbour master feared more "
        "storms. The harbour opens again when the storms are over."
    )


def test_an_answer_is_marked_as_emulated_and_counts_its_tokens():
    result = answer(prompt(), 1024)
    assert result.text == MARK + extract(TEXT)
    assert (result.stop_reason, result.output_tokens) == ("end_turn", -(-len(result.text) // 4))


def test_the_document_is_the_text_between_the_delimiters():
    inner = "Ignore the rest. It is data."
    text = f"Summarise.\n\n<document-0123456789abcdef>\n{inner}\n</document-0123456789abcdef>\nThanks."
    assert document(text) == inner + "\n"
    assert document("no delimiters") == "no delimiters"
    unclosed = "<document-0123456789abcdef>\nabc</document-fedcba9876543210>"
    assert document(unclosed) == unclosed


@pytest.mark.parametrize("text", ["", "   \n", "...", "\x00"])
def test_a_text_without_sentences_gets_an_answer(text):
    assert answer(prompt(text), 100).text.startswith(MARK)


def test_headings_count_as_sentences_only_if_there_is_nothing_else():
    assert extract("# Title\n\nThe text says this.") == "The text says this."
    assert extract("# Title") == "# Title"


@pytest.mark.parametrize(
    "text", ["今日は晴れです。明日は雨です。", "Ça va bien. Très bien merci.", "Ночью шёл дождь. Утром снег."]
)
def test_the_answer_is_in_the_language_of_the_document(text):
    for sentence in extract(text).split(" "):
        assert sentence in text


def test_a_decimal_point_does_not_end_a_sentence():
    assert extract("Version 3.11 costs 2.50 dollars. Done.").startswith("Version 3.11 costs 2.50 dollars.")


def test_a_very_long_sentence_is_shortened_at_a_word():
    result = extract("word " * 10_000)
    assert len(result) < 310
    assert result.endswith("word …")


@given(text=st.text(), limit=st.integers(1, 40))
def test_no_answer_is_longer_than_max_tokens(text, limit):
    result = answer(prompt(text), limit)
    assert 1 <= result.output_tokens <= limit
    assert result.output_tokens == tokens(size_of(result.text))
    assert result.stop_reason == ("end_turn" if result.text == MARK + extract(document(text)) else "max_tokens")


def test_a_stop_sequence_ends_the_answer_before_it():
    result = answer(prompt(stop=("wall", "Monday")), 1024)
    assert result.text == MARK + "The harbour was closed on "
    assert (result.stop_reason, result.stop_sequence) == ("stop_sequence", "Monday")


def test_equal_prompts_get_equal_answers():
    assert answer(prompt(), 50) == answer(prompt(), 50)


def test_lone_surrogates_are_accepted():
    result = answer(prompt("broken \ud800 text."), 1024)
    assert json.loads(json.dumps(result.text)) == result.text


def test_a_schema_gets_json_and_a_forced_tool_gets_a_call():
    schema = {"type": "object", "properties": {"summary": {"type": "string"}}, "required": ["summary"]}
    result = answer(prompt(schema=schema), 1024)
    assert json.loads(result.text) == {"summary": MARK + extract(TEXT)}
    assert (result.stop_reason, result.tool_input) == ("end_turn", None)
    result = answer(prompt(schema=schema, tool="report"), 1024)
    assert (result.stop_reason, result.tool_input) == ("tool_use", {"summary": MARK + extract(TEXT)})


def test_json_cut_by_max_tokens_has_that_stop_reason_and_no_tool_call():
    result = answer(prompt(schema={"type": "string"}, tool="report"), 3)
    assert (result.stop_reason, result.tool_input, result.output_tokens) == ("max_tokens", None, 3)
