"""The dialect of Converse and, in InvokeModel, of Nova (pure)."""

import base64
import json
from collections.abc import Iterator
from typing import Any

from jobs.emulator.answers import EmulatedAnswer
from jobs.emulator.prompt import (
    IMAGE_BYTES,
    InvalidError,
    Json,
    Prompt,
    between,
    check,
    malformed,
    optional,
    required,
    size_of,
    strings,
    tokens,
)

PIECE = 64
"""Characters of one delta of a stream."""
_TOOL_ID = "tooluse_emulated0000000000"
_TEXT_FORMATS = {"txt", "md", "html", "csv"}


def read(body: Json) -> Prompt:
    """The prompt of a request.

    Raises:
        InvalidError: Bedrock would answer it with a ValidationException.
    """
    text, size = _messages(body)
    for index, block in enumerate(optional(body, "system", list) or ()):
        size += size_of(_content(block, f"system/{index}")[0])
    inference = optional(body, "inferenceConfig", dict) or {}
    max_tokens = optional(inference, "maxTokens", int, "inferenceConfig/")
    between(max_tokens, 1, 2**31 - 1, "inferenceConfig.maxTokens")
    for name in ("temperature", "topP"):
        between(optional(inference, name, float, "inferenceConfig/"), 0, 1, f"inferenceConfig.{name}")
    stop = strings(optional(inference, "stopSequences", list, "inferenceConfig/"), "inferenceConfig/stopSequences")
    tool, schema = _tool(body)
    if not tool:
        schema = _output_schema(body)
    if "toolConfig" in body:
        size += size_of(json.dumps(body["toolConfig"]))
    return Prompt(text, tokens(size), max_tokens, stop, schema, tool, _metadata(body))


def _messages(body: Json) -> tuple[str, int]:
    """The text of the last message of the user, and the bytes of all."""
    messages = optional(body, "messages", list) or []
    if not messages:
        raise InvalidError("The messages field is empty. Add at least one message and try again.")
    last, size, before = "", 0, ""
    for index, message in enumerate(messages):
        path = f"messages/{index}"
        role = required(check(message, dict, path), "role", str, path + "/")
        if role not in {"user", "assistant"}:
            raise malformed(f"#/{path}/role: {role} is not a valid enum value")
        if not before and role != "user":
            raise InvalidError(
                "A conversation must start with a user message. Try again with a conversation that starts with a user "
                "message."
            )
        if role == before:
            raise InvalidError(
                "A conversation must alternate between user and assistant roles. Make sure the conversation alternates "
                "between user and assistant roles and try again."
            )
        before = role
        content = required(message, "content", list, path + "/")
        if not content:
            raise InvalidError(
                f"The content field in the Message object at messages.{index} is empty. Add a ContentBlock object to "
                "the content field and try again."
            )
        blocks = [_content(block, f"{path}/content/{at}") for at, block in enumerate(content)]
        size += sum(size_of(text) + more for text, more in blocks)
        if role == "user":
            last = "\n\n".join(text for text, _ in blocks if text)
    return last, size


def _content(block: object, path: str) -> tuple[str, int]:
    """The text of a block, and the bytes that what is no text counts for."""
    block = check(block, dict, path)
    if not block:
        raise malformed(f"#/{path}: a content block has exactly one member")
    kind = next(iter(block))
    if kind == "text":
        text = check(block["text"], str, f"{path}/text")
        if not text.strip():
            at = path.replace("/", ".")
            raise InvalidError(
                f"The text field in the ContentBlock object at {at} is blank. Add text to the text field, and try "
                "again."
            )
        return text, 0
    if kind == "document":
        return _document(check(block[kind], dict, f"{path}/document"), f"{path}/document")
    if kind == "cachePoint":
        return "", 0
    if kind in {"image", "video", "audio"}:
        return "", IMAGE_BYTES
    return "", len(json.dumps(block[kind]))


def _document(block: Json, path: str) -> tuple[str, int]:
    required(block, "name", str, path + "/")
    source = required(block, "source", dict, path + "/")
    if "text" in source:
        return check(source["text"], str, f"{path}/source/text"), 0
    try:
        data = base64.b64decode(required(source, "bytes", str, f"{path}/source/"), validate=True)
    except ValueError:
        raise malformed(f"#/{path}/source/bytes: not base64") from None
    return (
        (data.decode("utf-8", "replace"), 0)
        if optional(block, "format", str, path + "/") in _TEXT_FORMATS
        else ("", len(data))
    )


def _tool(body: Json) -> tuple[str, Any]:
    """Name and schema of the tool that must be called; an empty name where none must."""
    config = optional(body, "toolConfig", dict)
    if config is None:
        return "", None
    tools = required(config, "tools", list, "toolConfig/")
    specs: dict[str, Any] = {}
    for index, tool in enumerate(tools):
        path = f"toolConfig/tools/{index}"
        spec = optional(check(tool, dict, path), "toolSpec", dict, path + "/")
        if spec is not None:
            specs[required(spec, "name", str, path + "/toolSpec/")] = required(
                spec, "inputSchema", dict, path + "/toolSpec/"
            ).get("json", {})
    choice = optional(config, "toolChoice", dict, "toolConfig/") or {}
    named = optional(choice, "tool", dict, "toolConfig/toolChoice/")
    name = None if named is None else required(named, "name", str, "toolConfig/toolChoice/tool/")
    return chosen(specs, any_tool="any" in choice, name=name)


def chosen(specs: dict[str, Any], *, any_tool: bool, name: str | None) -> tuple[str, Any]:
    """The tool that must be called of those that there are; an empty name where none must."""
    if any_tool and specs:
        name = next(iter(specs))
    if name is None:
        return "", None
    if name not in specs:
        raise InvalidError(f"The tool {name} of the tool choice is not among the tools.")
    return name, specs[name]


def _output_schema(body: Json) -> Any:
    config = optional(body, "outputConfig", dict) or {}
    form = optional(config, "textFormat", dict, "outputConfig/")
    if form is None:
        return None
    path = "outputConfig/textFormat/"
    if required(form, "type", str, path) != "json_schema":
        raise malformed(f"#/{path}type: not a valid enum value")
    structure = required(form, "structure", dict, path)
    definition = required(structure, "jsonSchema", dict, path + "structure/")
    try:
        schema = json.loads(required(definition, "schema", str, path + "structure/jsonSchema/"))
    except ValueError as error:
        raise InvalidError(f"The schema of outputConfig is not JSON ({error}).") from None
    return check(schema, dict, path + "structure/jsonSchema/schema")


def _metadata(body: Json) -> Json | None:
    metadata = optional(body, "requestMetadata", dict)
    if metadata is None:
        return None
    between(len(metadata), 1, 16, "requestMetadata")
    for name, value in metadata.items():
        check(value, str, f"requestMetadata/{name}")
    return metadata


def usage(prompt: Prompt, answer: EmulatedAnswer) -> Json:
    """The usage of an answer; nothing is cached."""
    return {
        "inputTokens": prompt.input_tokens,
        "outputTokens": answer.output_tokens,
        "totalTokens": prompt.input_tokens + answer.output_tokens,
        "cacheReadInputTokens": 0,
        "cacheWriteInputTokens": 0,
    }


def reply(prompt: Prompt, answer: EmulatedAnswer, latency_ms: int | None) -> Json:
    """The body of an answer; without metrics where the latency is None, as Nova has it."""
    if answer.tool_input is None:
        block: Json = {"text": answer.text}
    else:
        block = {"toolUse": {"toolUseId": _TOOL_ID, "name": prompt.tool, "input": answer.tool_input}}
    body: Json = {
        "output": {"message": {"role": "assistant", "content": [block]}},
        "stopReason": answer.stop_reason,
        "usage": usage(prompt, answer),
    }
    if latency_ms is not None:
        body["metrics"] = {"latencyMs": latency_ms}
    return body


def stream(prompt: Prompt, answer: EmulatedAnswer, latency_ms: int) -> Iterator[tuple[str, Json]]:
    """The events of an answer; its usage comes only with the last."""
    yield "messageStart", {"role": "assistant"}
    if answer.tool_input is not None:
        start = {"toolUse": {"toolUseId": _TOOL_ID, "name": prompt.tool}}
        yield "contentBlockStart", {"start": start, "contentBlockIndex": 0}
    for piece in pieces(answer.text):
        delta: Json = {"text": piece} if answer.tool_input is None else {"toolUse": {"input": piece}}
        yield "contentBlockDelta", {"delta": delta, "contentBlockIndex": 0}
    yield "contentBlockStop", {"contentBlockIndex": 0}
    yield "messageStop", {"stopReason": answer.stop_reason}
    yield "metadata", {"usage": usage(prompt, answer), "metrics": {"latencyMs": latency_ms}}


def pieces(text: str) -> Iterator[str]:
    """A text as the deltas of a stream."""
    for at in range(0, len(text), PIECE):
        yield text[at : at + PIECE]
