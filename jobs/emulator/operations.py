"""The operations: from a path and a body to a prompt, and from an answer to a body (pure)."""

import base64
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from jobs.emulator import anthropic, converse, eventstream
from jobs.emulator.answers import EmulatedAnswer
from jobs.emulator.prompt import InvalidError, Json, Prompt, malformed, optional, read_json, required

_OPERATIONS = {
    "converse": "Converse",
    "converse-stream": "ConverseStream",
    "invoke": "InvokeModel",
    "invoke-with-response-stream": "InvokeModelWithResponseStream",
    "count-tokens": "CountTokens",
}
_MODEL = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9:._/-]{0,2047}")
STREAMS = frozenset({"ConverseStream", "InvokeModelWithResponseStream"})


@lru_cache(maxsize=1024)
def route(method: str, raw_path: str) -> tuple[str, str] | None:
    """Operation and model id of a path as it was received; None: there is no such operation.

    The path is split first and decoded then: a model can be an ARN, whose slashes arrive as `%2F`.
    """
    steps = raw_path.partition("?")[0].split("/")
    if method != "POST" or len(steps) != 4 or steps[:2] != ["", "model"] or steps[3] not in _OPERATIONS:
        return None
    return _OPERATIONS[steps[3]], unquote(steps[2])


def read(operation: str, model: str, body: bytes) -> Prompt:
    """What a call asks.

    Raises:
        InvalidError: Bedrock would answer it with a ValidationException.
    """
    if not _MODEL.fullmatch(model):
        raise InvalidError("The provided model identifier is invalid.")
    request = read_json(body)
    if operation == "CountTokens":
        return _read_count(model, request)
    if operation.startswith("Converse"):
        return converse.read(request)
    return _read_invoke(model, request)


def _read_invoke(model: str, request: Json) -> Prompt:
    if "anthropic" in model or "anthropic_version" in request:
        return anthropic.read(request)
    inference = optional(request, "inferenceConfig", dict)
    if inference and "max_new_tokens" in inference:  # Nova's older name for it
        request["inferenceConfig"] = inference | {"maxTokens": inference["max_new_tokens"]}
    return converse.read(request)


def _read_count(model: str, request: Json) -> Prompt:
    given = required(request, "input", dict)
    asked = optional(given, "converse", dict, "input/")
    if asked is not None:
        return converse.read(asked)
    invoked = required(given, "invokeModel", dict, "input/")
    try:
        body = base64.b64decode(required(invoked, "body", str, "input/invokeModel/"), validate=True)
    except ValueError:
        raise malformed("#/input/invokeModel/body: not base64") from None
    return _read_invoke(model, read_json(body))


@dataclass(frozen=True, slots=True)
class EmulatedCall:
    """A call that the model answered."""

    operation: str
    model: str
    prompt: Prompt
    answer: EmulatedAnswer
    request_id: str
    latency: float

    @property
    def latency_ms(self) -> int:
        """As Bedrock tells it."""
        return round(self.latency * 1000)

    @property
    def headers(self) -> dict[str, str]:
        """The headers that the operation adds to its answer."""
        headers = {"x-amzn-requestid": self.request_id}
        if self.operation == "InvokeModel":
            headers["x-amzn-bedrock-input-token-count"] = str(self.prompt.input_tokens)
            headers["x-amzn-bedrock-output-token-count"] = str(self.answer.output_tokens)
            headers["x-amzn-bedrock-invocation-latency"] = str(self.latency_ms)
        elif self.operation == "InvokeModelWithResponseStream":
            headers["x-amzn-bedrock-content-type"] = "application/json"
        return headers

    @property
    def content_type(self) -> str:
        """The media type of the answer."""
        return eventstream.CONTENT_TYPE if self.operation in STREAMS else "application/json"

    def body(self) -> bytes:
        """The answer as its operation says it."""
        match self.operation:
            case "Converse":
                return _packed(converse.reply(self.prompt, self.answer, self.latency_ms))
            case "ConverseStream":
                return eventstream.events(converse.stream(self.prompt, self.answer, self.latency_ms))
            case "InvokeModel" if self.prompt.anthropic:
                return _packed(anthropic.reply(self.prompt, self.answer, self.model, self.request_id))
            case "InvokeModel":
                return _packed(converse.reply(self.prompt, self.answer, None))
        if self.prompt.anthropic:
            events: Iterable[Json] = anthropic.stream(
                self.prompt, self.answer, self.model, self.request_id, self.latency_ms
            )
        else:
            named = converse.stream(self.prompt, self.answer, self.latency_ms)
            events = ({name: payload} for name, payload in named)
        return eventstream.events(_chunks(events))


def _chunks(events: Iterable[Json]) -> Iterator[tuple[str, Json]]:
    for event in events:
        yield "chunk", {"bytes": base64.b64encode(_packed(event)).decode()}


def _packed(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
