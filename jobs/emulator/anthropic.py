"""The dialect of Anthropic's Messages, as InvokeModel carries it (pure)."""

import json
from collections.abc import Iterator
from typing import Any

from jobs.emulator.answers import EmulatedAnswer
from jobs.emulator.converse import chosen, pieces
from jobs.emulator.prompt import (
    IMAGE_BYTES,
    InvalidError,
    Json,
    Prompt,
    between,
    check,
    optional,
    required,
    size_of,
    strings,
    tokens,
)

VERSION = "bedrock-2023-05-31"
_TOOL_ID = "toolu_bdrk_emulated00000000"


def read(body: Json) -> Prompt:
    """The prompt of a request.

    Raises:
        InvalidError: Bedrock would answer it with a ValidationException.
    """
    if required(body, "anthropic_version", str) != VERSION:
        raise InvalidError("Invalid API version")
    max_tokens = required(body, "max_tokens", int)
    if max_tokens < 1:
        raise InvalidError("max_tokens: must be greater than or equal to 1")
    between(optional(body, "temperature", float), 0, 1, "temperature")
    text, size = _messages(body)
    if body.get("system") is not None:
        size += size_of(_text(body["system"], "system")[0])
    if "tools" in body:
        size += size_of(json.dumps(body["tools"]))
    stop = strings(optional(body, "stop_sequences", list), "stop_sequences")
    tool, schema = _tool(body)
    if not tool:
        form = (optional(body, "output_config", dict) or {}).get("format") or body.get("output_format")
        schema = None if form is None else required(check(form, dict, "output_format"), "schema", dict)
    return Prompt(text, tokens(size), max_tokens, stop, schema, tool, anthropic=True)


def _messages(body: Json) -> tuple[str, int]:
    messages = optional(body, "messages", list) or []
    if not messages:
        raise InvalidError("messages: at least one message is required")
    last, size = "", 0
    for index, message in enumerate(messages):
        path = f"messages/{index}"
        role = required(check(message, dict, path), "role", str, path + "/")
        if role not in {"user", "assistant"}:
            raise InvalidError(f'messages: Unexpected role "{role}".')
        if "content" not in message:
            raise InvalidError(f"messages.{index}.content: Field required")
        text, more = _text(message["content"], f"{path}/content")
        if not text and not more:
            raise InvalidError(f"messages.{index}: all messages must have non-empty content")
        size += size_of(text) + more
        last = text if role == "user" else last
    return last, size


def _text(content: object, path: str) -> tuple[str, int]:
    """The text of a string or of blocks, and the bytes that what is no text counts for."""
    if isinstance(content, str):
        return content, 0
    texts, more = [], 0
    for index, block in enumerate(check(content, list, path)):
        at = f"{path}/{index}"
        kind = required(check(block, dict, at), "type", str, at + "/")
        if kind == "text":
            texts.append(required(block, "text", str, at + "/"))
        else:
            more += IMAGE_BYTES if kind == "image" else len(json.dumps(block))
    return "\n\n".join(texts), more


def _tool(body: Json) -> tuple[str, Any]:
    specs = {
        required(check(tool, dict, f"tools/{at}"), "name", str, f"tools/{at}/"): tool.get("input_schema", {})
        for at, tool in enumerate(optional(body, "tools", list) or ())
    }
    choice = optional(body, "tool_choice", dict) or {}
    kind = choice.get("type")
    name = required(choice, "name", str, "tool_choice/") if kind == "tool" else None
    return chosen(specs, any_tool=kind == "any", name=name)


def _usage(prompt: Prompt, output_tokens: int) -> Json:
    return {
        "input_tokens": prompt.input_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": output_tokens,
    }


def reply(prompt: Prompt, answer: EmulatedAnswer, model: str, request_id: str) -> Json:
    """The body of an answer."""
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
    """The events of an answer."""
    begun = reply(prompt, answer, model, request_id)
    empty: Json = {"text": ""} if answer.tool_input is None else {"input": {}}
    block: Json = begun["content"][0] | empty
    start = begun | {"content": [], "stop_reason": None, "stop_sequence": None, "usage": _usage(prompt, 1)}
    yield {"type": "message_start", "message": start}
    yield {"type": "content_block_start", "index": 0, "content_block": block}
    for piece in pieces(answer.text):
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
