"""The request and its key: the key covers everything that decides the answer, and nothing else."""

import hashlib
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.documents.splitting import Section
from jobs.requests.request import RequestTemplate, canonical, delimited, misspelled_placeholders

TEMPLATE = RequestTemplate("amazon.nova-lite-v1:0", "on-demand", "aws", "Summarize.")
SECTION = Section(3, ("Handbook", "Leave"), "Thirty days.", "", "0" * 16)


def body(template: RequestTemplate = TEMPLATE, section: Section = SECTION, document: str = "a.md") -> dict:
    return json.loads(template.build(document, section).body)


def text(**kwargs) -> str:
    return body(**kwargs)["messages"][0]["content"][0]["text"]


def test_a_request_has_the_task_the_sections_own_heading_and_its_text():
    assert text().startswith("Summarize.\n\n")
    assert "\n# Leave\n\nThirty days.\n" in text()
    assert "Handbook" not in text()
    assert "a.md" not in text()


def test_text_before_the_first_heading_is_sent_without_a_heading():
    assert ">\nThirty days.\n<" in text(section=SECTION._replace(heading=()))


def test_only_configured_parameters_are_sent_and_max_tokens_always():
    assert body() == {"inferenceConfig": {"maxTokens": 1024}, "messages": body()["messages"]}
    full = replace(TEMPLATE, system="Be brief.", max_tokens=7, temperature=0.0, top_p=0.5, stop=("END",))
    assert body(full)["inferenceConfig"] == {"maxTokens": 7, "temperature": 0.0, "topP": 0.5, "stopSequences": ["END"]}
    assert body(full)["system"] == [{"text": "Be brief."}]


def key(template: RequestTemplate = TEMPLATE, section: Section = SECTION, document: str = "a.md") -> bytes:
    return template.build(document, section).key


def test_the_key_is_the_hash_of_canonical_json():
    template = replace(TEMPLATE, system="Be brief.", temperature=0.5, stop=("END",))
    request = template.build("a.md", SECTION)
    content = json.loads(request.body)
    assert content["inferenceConfig"].pop("maxTokens") == 1024
    whole = {
        "version": 2,
        "model": TEMPLATE.model,
        "model_class": TEMPLATE.model_class,
        "endpoint": "aws",
        "body": content,
    }
    assert request.key == hashlib.sha256(canonical(whole)).digest()


def test_two_documents_that_share_a_section_share_its_key():
    elsewhere = Section(0, ("Contract", "Leave"), SECTION.text, "page 4", "1" * 16)
    assert key() == key(section=elsewhere, document="b/other.md")


def test_placeholders_in_the_prompt_give_documents_different_keys():
    template = replace(TEMPLATE, prompt="Of {document}, {heading_path}: {other} {0}")
    document, headings = tagged("a.md"), tagged("Handbook > Leave")
    assert text(template=template).startswith(f"Of {document}, {headings}: {{other}} {{0}}\n\nText between tags")
    assert key(template) != key(template, document="b.md")


def test_a_document_name_is_not_expanded_as_a_placeholder():
    template = replace(TEMPLATE, prompt="{document}")
    assert text(template=template, document="{heading_path}").startswith(tagged("{heading_path}"))


@given(st.text())
def test_a_name_cannot_end_the_tags_around_it(name):
    tags = tagged(name)
    end = tags[-len("</data-0123456789abcdef>") :]
    assert end not in name
    assert text(template=replace(TEMPLATE, prompt="{document}"), document=name).startswith(tags)


def tagged(name: str) -> str:
    mark = hashlib.sha256(name.encode()).hexdigest()[:16]
    return f"<data-{mark}>{name}</data-{mark}>"


@pytest.mark.parametrize(
    "change",
    [
        {"model": "amazon.nova-pro-v1:0"},
        {"model_class": "global"},
        {"endpoint": "emulator"},
        {"prompt": "Translate."},
        {"system": "x"},
        {"temperature": 1.0},
        {"top_p": 1.0},
        {"stop": ("x",)},
    ],
)
def test_everything_that_decides_the_answer_is_in_the_key(change):
    assert key() != key(replace(TEMPLATE, **change))

    assert TEMPLATE.question != replace(TEMPLATE, **change).question


def test_max_tokens_is_a_limit_and_no_part_of_the_question():
    other = replace(TEMPLATE, max_tokens=1)
    assert (key(), TEMPLATE.question) == (key(other), other.question)
    assert (body()["inferenceConfig"], body(other)["inferenceConfig"]) == ({"maxTokens": 1024}, {"maxTokens": 1})


def test_attempts_differ_only_in_their_id():
    request = TEMPLATE.build("a.md", SECTION)
    wire = json.loads(request.wire("run-7"))
    assert wire.pop("requestMetadata") == {"attempt": "run-7"}
    assert wire == json.loads(request.body)


@given(st.text())
def test_the_text_is_unchanged_between_marks_that_it_does_not_contain(content):
    wrapped = delimited(content)
    mark = hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    assert wrapped.endswith(f"<document-{mark}>\n{content}\n</document-{mark}>")
    assert mark not in content


def test_equal_sections_give_equal_bytes():
    assert TEMPLATE.build("a.md", SECTION).body == TEMPLATE.build("b.md", SECTION).body


@pytest.mark.parametrize(
    ("prompt", "misspelled"),
    [
        ("Compare {documnet} with {Document}.", [("documnet", "document"), ("Document", "document")]),
        ("In {heading-path}, {heading path}:", [("heading-path", "heading_path"), ("heading path", "heading_path")]),
        ("{ document } or {documents}", [(" document ", "document"), ("documents", "document")]),
        ("{documnet} {documnet}", [("documnet", "document")]),
        ("In {document}, {heading_path}: {{document}}", []),
        ('Reply with JSON: {"a": 1, "document": "x"} or {x}, {}, {comment}, {heading}, {path}', []),
        ('{"document": {documnet}}', [("documnet", "document")]),
        ("{document\n}", []),
        ("no braces: documnet", []),
    ],
)
def test_a_misspelled_placeholder_is_reported_with_the_nearest_name(prompt, misspelled):
    assert misspelled_placeholders(prompt) == misspelled
