"""The format of Converse, which Nova also uses in InvokeModel (pure)."""

import json
from collections.abc import Iterator
from typing import Any

from jobs.emulator.emulated_model import EmulatedAnswer
from jobs.emulator.json_checks import (
    InvalidRequestError,
    Json,
    base64_field,
    check,
    check_range,
    malformed,
    optional,
    required,
    strings,
)
from jobs.emulator.prompt import IMAGE_BYTES, Prompt, anthropic_output_schema, forced_tool, size_of, tokens

_TOOL_ID = "tooluse_emulated0000000000"
_TEXT_FORMATS = {"txt", "md", "html", "csv"}


def parse(body: Json) -> Prompt:
    """Raises InvalidRequestError where Bedrock returns a ValidationException."""
    text, size = _messages(body)
    for index, block in enumerate(optional(body, "system", list) or ()):
        size += size_of(_content(block, f"system/{index}")[0])
    inference = optional(body, "inferenceConfig", dict) or {}
    max_tokens = optional(inference, "maxTokens", int, "inferenceConfig/")
    check_range(max_tokens, 1, 2**31 - 1, "inferenceConfig.maxTokens")
    for name in ("temperature", "topP"):
        check_range(optional(inference, name, float, "inferenceConfig/"), 0, 1, f"inferenceConfig.{name}")
    stop = strings(optional(inference, "stopSequences", list, "inferenceConfig/"), "inferenceConfig/stopSequences")
    tool, schema = _tool(body)
    if not tool:
        schema = _output_schema(body)
    if "toolConfig" in body:
        size += size_of(json.dumps(body["toolConfig"]))
    return Prompt(text, tokens(size), max_tokens, stop, schema, tool, _metadata(body))


def _messages(body: Json) -> tuple[str, int]:
    """The text of the user's last message, and the bytes of all messages."""
    messages = optional(body, "messages", list) or []
    if not messages:
        raise InvalidRequestError("The messages field is empty. Add at least one message and try again.")
    last, size, previous_role = "", 0, ""
    for index, message in enumerate(messages):
        path = f"messages/{index}"
        role = required(check(message, dict, path), "role", str, path + "/")
        _check_role(role, previous_role, path)
        previous_role = role
        content = required(message, "content", list, path + "/")
        if not content:
            raise InvalidRequestError(
                f"The content field in the Message object at messages.{index} is empty. Add a ContentBlock object to "
                "the content field and try again."
            )
        blocks = [_content(block, f"{path}/content/{at}") for at, block in enumerate(content)]
        size += sum(size_of(text) + other for text, other in blocks)
        if role == "user":
            last = "\n\n".join(text for text, _ in blocks if text)
    return last, size


def _check_role(role: str, previous: str, path: str) -> None:
    if role not in {"user", "assistant"}:
        raise malformed(f"#/{path}/role: {role} is not a valid enum value")
    if not previous and role != "user":
        raise InvalidRequestError(
            "A conversation must start with a user message. Try again with a conversation that starts with a user "
            "message."
        )
    if role == previous:
        raise InvalidRequestError(
            "A conversation must alternate between user and assistant roles. Make sure the conversation alternates "
            "between user and assistant roles and try again."
        )


def _content(block: object, path: str) -> tuple[str, int]:
    """The text of a content block, and the bytes that everything else in it counts as."""
    block = check(block, dict, path)
    if not block:
        raise malformed(f"#/{path}: a content block has exactly one member")
    kind = next(iter(block))
    if kind == "text":
        text = check(block["text"], str, f"{path}/text")
        if not text.strip():
            at = path.replace("/", ".")
            raise InvalidRequestError(
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
    data = base64_field(source, "bytes", f"{path}/source/")
    if optional(block, "format", str, path + "/") in _TEXT_FORMATS:
        return data.decode("utf-8", "replace"), 0
    return "", len(data)


def _tool(body: Json) -> tuple[str, Any]:
    config = optional(body, "toolConfig", dict)
    if config is None:
        return "", None
    schemas: dict[str, Any] = {}
    for index, tool in enumerate(required(config, "tools", list, "toolConfig/")):
        path = f"toolConfig/tools/{index}"
        spec = optional(check(tool, dict, path), "toolSpec", dict, path + "/")
        if spec is not None:
            name = required(spec, "name", str, path + "/toolSpec/")
            schemas[name] = required(spec, "inputSchema", dict, path + "/toolSpec/").get("json", {})
    choice = optional(config, "toolChoice", dict, "toolConfig/") or {}
    tool_choice = optional(choice, "tool", dict, "toolConfig/toolChoice/")
    chosen = None if tool_choice is None else required(tool_choice, "name", str, "toolConfig/toolChoice/tool/")
    return forced_tool(schemas, any_tool="any" in choice, name=chosen)


def _output_schema(body: Json) -> Any:
    config = optional(body, "outputConfig", dict) or {}
    text_format = optional(config, "textFormat", dict, "outputConfig/")
    if text_format is None:
        name = "additionalModelRequestFields"
        return anthropic_output_schema(optional(body, name, dict) or {}, name + "/")
    path = "outputConfig/textFormat/"
    if required(text_format, "type", str, path) != "json_schema":
        raise malformed(f"#/{path}type: not a valid enum value")
    structure = required(text_format, "structure", dict, path)
    definition = required(structure, "jsonSchema", dict, path + "structure/")
    try:
        schema = json.loads(required(definition, "schema", str, path + "structure/jsonSchema/"))
    except ValueError as error:
        raise InvalidRequestError(f"The schema of outputConfig is not JSON ({error}).") from None
    return check(schema, dict, path + "structure/jsonSchema/schema")


def _metadata(body: Json) -> Json | None:
    metadata = optional(body, "requestMetadata", dict)
    if metadata is None:
        return None
    check_range(len(metadata), 1, 16, "requestMetadata")
    for name, value in metadata.items():
        check(value, str, f"requestMetadata/{name}")
    return metadata


def _usage(prompt: Prompt, answer: EmulatedAnswer) -> Json:
    return {
        "inputTokens": prompt.input_tokens,
        "outputTokens": answer.output_tokens,
        "totalTokens": prompt.input_tokens + answer.output_tokens,
        "cacheReadInputTokens": 0,
        "cacheWriteInputTokens": 0,
    }


def response(prompt: Prompt, answer: EmulatedAnswer, latency_ms: int | None) -> Json:
    """The body of a response; latency None leaves out the metrics, as Nova does in InvokeModel."""
    if answer.tool_input is None:
        block: Json = {"text": answer.text}
    else:
        block = {"toolUse": {"toolUseId": _TOOL_ID, "name": prompt.tool, "input": answer.tool_input}}
    body: Json = {
        "output": {"message": {"role": "assistant", "content": [block]}},
        "stopReason": answer.stop_reason,
        "usage": _usage(prompt, answer),
    }
    if latency_ms is not None:
        body["metrics"] = {"latencyMs": latency_ms}
    return body


def stream(prompt: Prompt, answer: EmulatedAnswer, latency_ms: int) -> Iterator[tuple[str, Json]]:
    """The events of a streamed response; only the last one, `metadata`, has the usage."""
    yield "messageStart", {"role": "assistant"}
    if answer.tool_input is not None:
        start = {"toolUse": {"toolUseId": _TOOL_ID, "name": prompt.tool}}
        yield "contentBlockStart", {"start": start, "contentBlockIndex": 0}
    for piece in answer.deltas():
        delta: Json = {"text": piece} if answer.tool_input is None else {"toolUse": {"input": piece}}
        yield "contentBlockDelta", {"delta": delta, "contentBlockIndex": 0}
    yield "contentBlockStop", {"contentBlockIndex": 0}
    yield "messageStop", {"stopReason": answer.stop_reason}
    yield "metadata", {"usage": _usage(prompt, answer), "metrics": {"latencyMs": latency_ms}}
