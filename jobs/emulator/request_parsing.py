"""From the path and body of an HTTP request to an operation, a model and a prompt (pure)."""

import re
from functools import lru_cache
from urllib.parse import unquote

from jobs.emulator import anthropic_messages, converse
from jobs.emulator.json_checks import InvalidRequestError, Json, base64_field, optional, read_json, required
from jobs.emulator.prompt import Prompt

_OPERATIONS = {
    "converse": "Converse",
    "converse-stream": "ConverseStream",
    "invoke": "InvokeModel",
    "invoke-with-response-stream": "InvokeModelWithResponseStream",
    "count-tokens": "CountTokens",
}
_MODEL = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9:._/-]{0,2047}")


@lru_cache(maxsize=1024)
def route(method: str, raw_path: str) -> tuple[str, str] | None:
    """Operation and model id of a percent-encoded path; None if there is no such operation.

    The path is split before it is decoded, because the slashes of a model's ARN arrive as `%2F`.
    """
    steps = raw_path.partition("?")[0].split("/")
    if method != "POST" or len(steps) != 4 or steps[:2] != ["", "model"] or steps[3] not in _OPERATIONS:
        return None
    return _OPERATIONS[steps[3]], unquote(steps[2])


def parse(operation: str, model: str, body: bytes) -> Prompt:
    """Raises InvalidRequestError where Bedrock returns a ValidationException."""
    if not _MODEL.fullmatch(model):
        raise InvalidRequestError("The provided model identifier is invalid.")
    request = read_json(body)
    if operation == "CountTokens":
        return _parse_count_tokens(model, request)
    if operation.startswith("Converse"):
        return converse.parse(request)
    return _parse_invoke(model, request)


def _parse_invoke(model: str, request: Json) -> Prompt:
    if "anthropic" in model or "anthropic_version" in request:
        return anthropic_messages.parse(request)
    inference = optional(request, "inferenceConfig", dict)
    if inference and "max_new_tokens" in inference:  # Nova's older name for it
        request["inferenceConfig"] = inference | {"maxTokens": inference["max_new_tokens"]}
    return converse.parse(request)


def _parse_count_tokens(model: str, request: Json) -> Prompt:
    counted = required(request, "input", dict)
    converse_request = optional(counted, "converse", dict, "input/")
    if converse_request is not None:
        return converse.parse(converse_request)
    invoke_request = required(counted, "invokeModel", dict, "input/")
    return _parse_invoke(model, read_json(base64_field(invoke_request, "body", "input/invokeModel/")))
