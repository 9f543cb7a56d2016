"""Requests exactly as SDKs sent them (November 2026): paths, headers that matter, and bodies."""

import http.client
import json
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer

CLAUDE, NOVA = "us.anthropic.claude-sonnet-4-5-20250929-v1", "amazon.nova-lite-v1"
TEXT = "The harbour was closed. It rained."
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
AI_SDK_SCHEMA = SCHEMA | {"$schema": "http://json-schema.org/draft-07/schema#", "additionalProperties": False}
BLOCKS = [{"role": "user", "content": [{"text": TEXT}]}]
ANTHROPIC_BLOCKS = [{"role": "user", "content": [{"type": "text", "text": TEXT}]}]
TOOL_CONFIG = {
    "tools": [{"toolSpec": {"name": "report", "description": "d", "inputSchema": {"json": AI_SDK_SCHEMA}}}],
    "toolChoice": {"any": {}},
}

ANTHROPIC_SDK = {"max_tokens": 100, "messages": [{"role": "user", "content": TEXT}], "anthropic_version": "2026-10-21"}
ANTHROPIC_TOOLS = [{"name": "report", "description": "d", "input_schema": SCHEMA}]
AI_SDK_ANTHROPIC = {"max_tokens": 64000, "messages": ANTHROPIC_BLOCKS, "anthropic_version": "bedrock-2023-05-31"}
AI_SDK = {"system": [], "messages": BLOCKS, "additionalModelResponseFieldPaths": ["/delta/stop_sequence"]}
AI_SDK_FORMAT = {"output_config": {"format": {"type": "json_schema", "schema": AI_SDK_SCHEMA}}}
LITELLM_FORMAT = {
    "textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"schema": json.dumps(SCHEMA), "name": "x"}}}
}

TEXTS = {
    "anthropic 2.14": (f"{CLAUDE}:0/invoke", ANTHROPIC_SDK),
    "anthropic 2.14, beta": (f"{CLAUDE}:0/invoke", ANTHROPIC_SDK | {"anthropic_beta": ["x-1"]}),
    "@ai-sdk/amazon-bedrock 4.0": (f"{CLAUDE}%3A0/converse", AI_SDK),
    "@ai-sdk/amazon-bedrock 4.0, Nova": (
        f"{NOVA}%3A0/converse",
        {"system": [{"text": "Be brief."}], "messages": BLOCKS},
    ),
    "@ai-sdk/amazon-bedrock 4.0, Anthropic": (f"{CLAUDE}%3A0/invoke", AI_SDK_ANTHROPIC),
    "langchain-aws 1.9, ChatBedrockConverse": (
        f"{CLAUDE}%3A0/converse",
        {"messages": BLOCKS, "system": [], "inferenceConfig": {}},
    ),
    "langchain-aws 1.9, ChatBedrock": (f"{CLAUDE}%3A0/invoke", AI_SDK_ANTHROPIC | {"max_tokens": 1024}),
    "litellm 1.110, converse": (f"{NOVA}%3A0/converse", {"messages": BLOCKS, "inferenceConfig": {}}),
    "litellm 1.110, invoke": (f"{NOVA}:0/invoke", {"messages": BLOCKS, "inferenceConfig": {}}),
}
STREAMS = {
    "anthropic 2.14": (f"{CLAUDE}:0/invoke-with-response-stream", ANTHROPIC_SDK),
    "@ai-sdk/amazon-bedrock 4.0": (f"{CLAUDE}%3A0/converse-stream", AI_SDK),
    "@ai-sdk/amazon-bedrock 4.0, Anthropic": (f"{CLAUDE}%3A0/invoke-with-response-stream", AI_SDK_ANTHROPIC),
    "litellm 1.110, invoke": (f"{NOVA}:0/invoke-with-response-stream", {"messages": BLOCKS, "inferenceConfig": {}}),
}
STRUCTURED = {
    "anthropic 2.14, tool": (
        f"{CLAUDE}:0/invoke",
        ANTHROPIC_SDK | {"tools": ANTHROPIC_TOOLS, "tool_choice": {"type": "tool", "name": "report"}},
    ),
    "anthropic 2.14, output_config": (
        f"{CLAUDE}:0/invoke",
        ANTHROPIC_SDK | {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
    ),
    "@ai-sdk/amazon-bedrock 4.0, tool": (f"{CLAUDE}%3A0/converse", AI_SDK | {"toolConfig": TOOL_CONFIG}),
    "@ai-sdk/amazon-bedrock 4.0, generateObject": (
        f"{CLAUDE}%3A0/converse",
        AI_SDK | {"additionalModelRequestFields": AI_SDK_FORMAT},
    ),
    "@ai-sdk/amazon-bedrock 4.0, Anthropic, tool": (
        f"{CLAUDE}%3A0/invoke",
        AI_SDK_ANTHROPIC
        | {
            "tools": [{"name": "report", "description": "d", "input_schema": AI_SDK_SCHEMA}],
            "tool_choice": {"type": "any"},
            "anthropic_beta": ["structured-outputs-2025-11-13"],
        },
    ),
    "@ai-sdk/amazon-bedrock 4.0, Anthropic, generateObject": (f"{CLAUDE}%3A0/invoke", AI_SDK_ANTHROPIC | AI_SDK_FORMAT),
    "litellm 1.110, response_format": (
        f"{CLAUDE}%3A0/converse",
        {"messages": BLOCKS, "inferenceConfig": {}, "outputConfig": LITELLM_FORMAT},
    ),
    "litellm 1.110, invoke, tool": (
        f"{CLAUDE}:0/invoke",
        AI_SDK_ANTHROPIC
        | {
            "tools": [{"name": "report", "input_schema": SCHEMA, "type": "custom"}],
            "tool_choice": {"type": "any"},
        },
    ),
}


@pytest.fixture
def post(emulate):
    running = emulate()

    def send(path: str, body: dict[str, Any]) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=5)
        try:
            connection.request("POST", f"/model/{path}", json.dumps(body), {"Content-Type": "application/json"})
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        assert response.status == 200, content
        return content

    return send


def block(content: bytes) -> dict[str, Any]:
    """The only content block of an answer in either format."""
    answer = json.loads(content)
    (only,) = answer["content"] if "content" in answer else answer["output"]["message"]["content"]
    return only


@pytest.mark.parametrize("call", TEXTS.values(), ids=TEXTS)
def test_a_text(post, call):
    assert block(post(*call))["text"] == f"[emulated] {TEXT}"


@pytest.mark.parametrize("call", STREAMS.values(), ids=STREAMS)
def test_a_stream(post, call):
    buffer = EventStreamBuffer()
    buffer.add_data(post(*call))
    messages = list(buffer)
    assert {message.headers[":message-type"] for message in messages} == {"event"}
    assert len(messages) >= 5


@pytest.mark.parametrize("call", STRUCTURED.values(), ids=STRUCTURED)
def test_a_structured_answer(post, call):
    only = block(post(*call))
    value = only.get("toolUse", only).get("input")
    assert (json.loads(only["text"]) if value is None else value) == {"n": 0}
