"""The format of Anthropic's Messages API, as InvokeModel carries it (pure)."""

import json
import re
from collections.abc import Iterator
from typing import Any

from jobs.emulator.emulated_model import EmulatedAnswer
from jobs.emulator.json_checks import InvalidRequestError, Json, check, check_range, optional, required, strings
from jobs.emulator.prompt import IMAGE_BYTES, Prompt, anthropic_output_schema, forced_tool, size_of, tokens

_VERSION = re.compile(r"bedrock-2023-05-31|20\d\d-\d\d-\d\d")
"""Bedrock's own version, or a dated one of Anthropic's API (anthropic 2.14 sends 2026-10-21)."""
_TOOL_ID = "toolu_bdrk_emulated00000000"


def parse(body: Json) -> Prompt:
    """Raises InvalidRequestError where Bedrock returns a ValidationException."""
    if not _VERSION.fullmatch(required(body, "anthropic_version", str)):
        raise InvalidRequestError("Invalid API version")
    max_tokens = required(body, "max_tokens", int)
    if max_tokens < 1:
        raise InvalidRequestError("max_tokens: must be greater than or equal to 1")
    check_range(optional(body, "temperature", float), 0, 1, "temperature")
    text, size = _messages(body)
    if body.get("system") is not None:
        size += size_of(_text(body["system"], "system")[0])
    if "tools" in body:
        size += size_of(json.dumps(body["tools"]))
    stop = strings(optional(body, "stop_sequences", list), "stop_sequences")
    tool, schema = _tool(body)
    if not tool:
        schema = anthropic_output_schema(body)
    return Prompt(text, tokens(size), max_tokens, stop, schema, tool, anthropic=True)


def _messages(body: Json) -> tuple[str, int]:
    """The text of the user's last message, and the bytes of all messages."""
    messages = optional(body, "messages", list) or []
    if not messages:
        raise InvalidRequestError("messages: at least one message is required")
    last, size = "", 0
    for index, message in enumerate(messages):
        path = f"messages/{index}"
        role = required(check(message, dict, path), "role", str, path + "/")
        if role not in {"user", "assistant"}:
            raise InvalidRequestError(f'messages: Unexpected role "{role}".')
        if "content" not in message:
            raise InvalidRequestError(f"messages.{index}.content: Field required")
        text, other = _text(message["content"], f"{path}/content")
        if not text and not other:
            raise InvalidRequestError(f"messages.{index}: all messages must have non-empty content")
        size += size_of(text) + other
        last = text if role == "user" else last
    return last, size


def _text(content: object, path: str) -> tuple[str, int]:
    """The text of a string or of content blocks, and the bytes that all other blocks count as."""
    if isinstance(content, str):
        return content, 0
    texts, other = [], 0
    for index, block in enumerate(check(content, list, path)):
        at = f"{path}/{index}"
        kind = required(check(block, dict, at), "type", str, at + "/")
        if kind == "text":
            texts.append(required(block, "text", str, at + "/"))
        else:
            other += IMAGE_BYTES if kind == "image" else len(json.dumps(block))
    return "\n\n".join(texts), other


def _tool(body: Json) -> tuple[str, Any]:
    schemas = {
        required(check(tool, dict, f"tools/{at}"), "name", str, f"tools/{at}/"): tool.get("input_schema", {})
        for at, tool in enumerate(optional(body, "tools", list) or ())
    }
    choice = optional(body, "tool_choice", dict) or {}
    kind = choice.get("type")
    name = required(choice, "name", str, "tool_choice/") if kind == "tool" else None
    return forced_tool(schemas, any_tool=kind == "any", name=name)


def _usage(prompt: Prompt, output_tokens: int) -> Json:
    return {
        "input_tokens": prompt.input_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": output_tokens,
    }


def response(prompt: Prompt, answer: EmulatedAnswer, model: str, request_id: str) -> Json:
    block: Json = {"type": "text", "text": answer.text}
    if answer.tool_input is not None:
        block = {"type": "tool_use", "id": _TOOL_ID, "name": prompt.tool, "input": answer.tool_input}
    return {
        "model": model,
        "id": f"msg_bdrk_{request_id}",
        "type": "message",
        "role": "assistant",
        "content": [block],
        "stop_reason": answer.stop_reason,
        "stop_sequence": answer.stop_sequence,
        "usage": _usage(prompt, answer.output_tokens),
    }


def stream(prompt: Prompt, answer: EmulatedAnswer, model: str, request_id: str, latency_ms: int) -> Iterator[Json]:
    message = response(prompt, answer, model, request_id)
    empty: Json = {"text": ""} if answer.tool_input is None else {"input": {}}
    block: Json = message["content"][0] | empty
    start = message | {"content": [], "stop_reason": None, "stop_sequence": None, "usage": _usage(prompt, 1)}
    yield {"type": "message_start", "message": start}
    yield {"type": "content_block_start", "index": 0, "content_block": block}
    for piece in answer.deltas():
        delta = {"type": "text_delta", "text": piece}
        if answer.tool_input is not None:
            delta = {"type": "input_json_delta", "partial_json": piece}
        yield {"type": "content_block_delta", "index": 0, "delta": delta}
    yield {"type": "content_block_stop", "index": 0}
    end = {"stop_reason": answer.stop_reason, "stop_sequence": answer.stop_sequence}
    yield {"type": "message_delta", "delta": end, "usage": {"output_tokens": answer.output_tokens}}
    metrics = {
        "inputTokenCount": prompt.input_tokens,
        "outputTokenCount": answer.output_tokens,
        "invocationLatency": latency_ms,
        "firstByteLatency": latency_ms,
    }
    yield {"type": "message_stop", "amazon-bedrock-invocationMetrics": metrics}
