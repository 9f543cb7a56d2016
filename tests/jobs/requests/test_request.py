"""The call and its key: what decides the answer is in it, and nothing else."""

import hashlib
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.documents.splitting import Section
from jobs.requests.request import RequestTemplate, canonical, delimited

RECIPE = RequestTemplate("amazon.nova-lite-v1:0", "on-demand", "aws", "Summarize.")
SECTION = Section(3, ("Handbook", "Leave"), "Thirty days.", "", "0" * 16, 10, 40)


def sent(template: RequestTemplate = RECIPE, section: Section = SECTION, document: str = "a.md") -> dict:
    return json.loads(template.build(document, section).body)


def text(**kwargs) -> str:
    return sent(**kwargs)["messages"][0]["content"][0]["text"]


def test_sent_are_the_task_the_sections_own_heading_and_its_text():
    assert text().startswith("Summarize.\n\n")
    assert "\n# Leave\n\nThirty days.\n" in text()
    assert "Handbook" not in text()
    assert "a.md" not in text()


def test_text_before_the_first_heading_has_none():
    assert ">\nThirty days.\n<" in text(section=SECTION._replace(heading=()))


def test_only_what_is_given_is_sent_but_max_tokens_always_is():
    assert sent() == {"inferenceConfig": {"maxTokens": 1024}, "messages": sent()["messages"]}
    full = replace(RECIPE, system="Be brief.", max_tokens=7, temperature=0.0, top_p=0.5, stop=("END",))
    assert sent(full)["inferenceConfig"] == {"maxTokens": 7, "temperature": 0.0, "topP": 0.5, "stopSequences": ["END"]}
    assert sent(full)["system"] == [{"text": "Be brief."}]


def key(template: RequestTemplate = RECIPE, section: Section = SECTION, document: str = "a.md") -> bytes:
    return template.build(document, section).key


def test_the_key_is_the_hash_of_canonical_json():
    request = RECIPE.build("a.md", SECTION)
    whole = {
        "version": 1,
        "model": RECIPE.model,
        "model_class": RECIPE.model_class,
        "endpoint": "aws",
        "body": json.loads(request.body),
    }
    assert request.key == hashlib.sha256(canonical(whole)).digest()


def test_two_documents_that_share_a_section_share_its_key():
    elsewhere = Section(0, ("Contract", "Leave"), SECTION.text, "page 4", "1" * 16, 0, 5)
    assert key() == key(section=elsewhere, document="b/other.md")


def test_a_prompt_that_asks_for_the_document_or_the_headings_parts_them():
    asks = replace(RECIPE, prompt="Of {document}, {heading_path}: {other} {0}")
    assert text(template=asks).startswith("Of a.md, Handbook > Leave: {other} {0}")
    assert key(asks) != key(asks, document="b.md")


def test_a_document_named_like_a_placeholder_is_not_expanded_again():
    asks = replace(RECIPE, prompt="{document}")
    assert text(template=asks, document="{heading_path}").startswith("{heading_path}\n")


@pytest.mark.parametrize(
    "change",
    [
        {"model": "amazon.nova-pro-v1:0"},
        {"model_class": "global"},
        {"endpoint": "emulator"},
        {"prompt": "Translate."},
        {"system": "x"},
        {"max_tokens": 1},
        {"temperature": 1.0},
        {"top_p": 1.0},
        {"stop": ("x",)},
    ],
)
def test_whatever_decides_the_answer_is_in_the_key(change):
    assert key() != key(replace(RECIPE, **change))


def test_an_attempt_is_marked_and_nothing_else_differs():
    request = RECIPE.build("a.md", SECTION)
    wire = json.loads(request.wire("run-7"))
    assert wire.pop("requestMetadata") == {"attempt": "run-7"}
    assert wire == json.loads(request.body)


@given(st.text())
def test_the_text_stands_whole_between_marks_that_it_does_not_contain(content):
    wrapped = delimited(content)
    mark = hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    assert wrapped.endswith(f"<document-{mark}>\n{content}\n</document-{mark}>")
    assert mark not in content


def test_equal_sections_are_equal_bytes():
    assert RECIPE.build("a.md", SECTION).body == RECIPE.build("b.md", SECTION).body
