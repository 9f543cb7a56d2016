"""When a Converse reply is an answer, and when it is a success."""

import json

import pytest
from answers import body, document
from hypothesis import given
from hypothesis import strategies as st

from jobs.requests.answer import COMPLETE, INCOMPLETE, NotAnAnswer, Usage, parse


def test_an_answer_has_text_usage_and_stop_reason():
    answer = parse(body("Hello.", input_tokens=7, output_tokens=3))
    assert (answer.text, answer.usage, answer.stop_reason) == ("Hello.", Usage(7, 3), "end_turn")
    assert answer.complete


def test_cache_tokens_are_counted_if_the_reply_has_them():
    reply = document("x")
    reply["usage"] |= {"cacheReadInputTokens": 4, "cacheWriteInputTokens": 2}
    assert parse(json.dumps(reply).encode()).usage == Usage(10, 5, 4, 2)


def test_text_blocks_are_joined_and_other_blocks_skipped():
    reply = document("")
    reply["output"]["message"]["content"] = [{"reasoningContent": {}}, {"text": "a"}, {"toolUse": {}}, {"text": "b"}]
    assert parse(json.dumps(reply).encode()).text == "ab"


@pytest.mark.parametrize("stop", sorted(INCOMPLETE))
def test_a_truncated_or_filtered_answer_is_not_a_success(stop):
    assert not parse(body("Half an", stop=stop)).complete


@pytest.mark.parametrize("stop", sorted(COMPLETE))
def test_a_complete_answer_is_a_success_unless_it_is_blank(stop):
    assert parse(body("x", stop=stop)).complete
    assert not parse(body(" \n", stop=stop)).complete


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "not JSON"),
        (b"<html>Bad gateway</html>", "not JSON"),
        (body()[:-10], "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (body().replace(b"10", b"NaN"), "not JSON"),
        (b"[]", "not a JSON object"),
        (b"{}", "stop reason"),
        (body(stop="new_reason"), "unknown stop reason 'new_reason'"),
        (json.dumps(document("x") | {"stopReason": ["end_turn"]}).encode(), "stop reason"),
        (json.dumps(document("x") | {"output": {}}).encode(), r"no output\.message\.content"),
        (json.dumps(document("x") | {"output": {"message": {"content": [{"text": 1}]}}}).encode(), "no output"),
        (json.dumps(document("x") | {"usage": None}).encode(), "no usage"),
        (json.dumps(document("x") | {"usage": {"inputTokens": 1.0, "outputTokens": 1}}).encode(), "whole numbers"),
        (json.dumps(document("x") | {"usage": {"inputTokens": True, "outputTokens": 1}}).encode(), "whole numbers"),
        (json.dumps(document("x") | {"usage": {"inputTokens": -1, "outputTokens": 1}}).encode(), "whole numbers"),
    ],
)
def test_the_error_says_why_a_reply_is_not_an_answer(raw, why):
    with pytest.raises(NotAnAnswer, match=why):
        parse(raw)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_raise_only_not_an_answer(raw):
    with pytest.raises(NotAnAnswer):
        parse(raw)
