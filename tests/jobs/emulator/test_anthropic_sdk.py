"""Anthropic's own SDK against the emulator."""

import pytest
from emulator_fixtures import MODEL

anthropic = pytest.importorskip("anthropic", minversion="2.14", reason="pip install 'anthropic[bedrock]'")

TEXT = "The harbour was closed on Monday. It rained."
TOOL = {
    "name": "report",
    "description": "Report a number.",
    "input_schema": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]},
}
QUESTION = {"model": MODEL, "max_tokens": 100, "messages": [{"role": "user", "content": TEXT}]}


@pytest.fixture
def running(emulate):
    return emulate(access_key="AKIDEXAMPLE", secret_key="secret")


@pytest.fixture
def client(running):
    with anthropic.AnthropicBedrock(
        aws_access_key="AKIDEXAMPLE",
        aws_secret_key="secret",
        aws_region="us-east-1",
        base_url=running.url,
        max_retries=0,
    ) as client:
        yield client


def test_a_message(client):
    message = client.messages.create(**QUESTION)
    assert [block.text for block in message.content] == [f"[emulated] {TEXT}"]
    assert (message.stop_reason, message.usage.output_tokens) == ("end_turn", 14)


def test_a_stream(client):
    with client.messages.stream(**QUESTION) as stream:
        assert "".join(stream.text_stream) == f"[emulated] {TEXT}"
        assert stream.get_final_message().usage.output_tokens == 14


def test_a_tool_call(client):
    message = client.messages.create(**QUESTION, tools=[TOOL], tool_choice={"type": "tool", "name": "report"})
    assert [(block.name, block.input) for block in message.content] == [("report", {"n": 0})]


def test_a_streamed_tool_call(client):
    with client.messages.stream(**QUESTION, tools=[TOOL], tool_choice={"type": "any"}) as stream:
        assert [block.input for block in stream.get_final_message().content] == [{"n": 0}]


def test_a_throttle_is_a_rate_limit_error(client, running):
    running.http("PUT", "/_emulator/faults", [{"kind": "requests"}])
    with pytest.raises(anthropic.RateLimitError, match="Too many requests"):
        client.messages.create(**QUESTION)
