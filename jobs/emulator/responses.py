"""The HTTP response to an answered call: headers and body by operation."""

import base64
import json
from dataclasses import dataclass

from aiohttp import web

from jobs.emulator import anthropic_messages, converse, eventstream
from jobs.emulator.emulated_model import EmulatedAnswer
from jobs.emulator.faults import Fault
from jobs.emulator.prompt import Prompt
from jobs.emulator.service_errors import TYPE_HEADER, ServiceError

STREAMS = frozenset({"ConverseStream", "InvokeModelWithResponseStream"})


_UNREAD = Prompt("", 0, None)
_UNANSWERED = EmulatedAnswer("", "", 0)


@dataclass(slots=True)
class EmulatedCall:
    request: web.BaseRequest
    request_body: bytes
    operation: str
    model: str
    request_id: str
    prompt: Prompt = _UNREAD
    answer: EmulatedAnswer = _UNANSWERED
    charged: bool = False
    """Whether the model ran."""
    latency: float = 0.0
    """Seconds."""
    fault: Fault | None = None

    @property
    def latency_ms(self) -> int:
        return round(self.latency * 1000)

    @property
    def headers(self) -> dict[str, str]:
        """Headers besides the content type."""
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
        return eventstream.CONTENT_TYPE if self.operation in STREAMS else "application/json"

    def response_body(self) -> bytes:
        match self.operation:
            case "Converse":
                return _encode(converse.response(self.prompt, self.answer, self.latency_ms))
            case "ConverseStream":
                return eventstream.events(converse.stream(self.prompt, self.answer, self.latency_ms))
            case "InvokeModel" if self.prompt.anthropic:
                return _encode(anthropic_messages.response(self.prompt, self.answer, self.model, self.request_id))
            case "InvokeModel":
                return _encode(converse.response(self.prompt, self.answer, None))
            case _ if self.prompt.anthropic:
                events = anthropic_messages.stream(
                    self.prompt, self.answer, self.model, self.request_id, self.latency_ms
                )
            case _:
                events = (dict([named]) for named in converse.stream(self.prompt, self.answer, self.latency_ms))
        chunks = ({"bytes": base64.b64encode(_encode(event)).decode()} for event in events)
        return eventstream.events(("chunk", chunk) for chunk in chunks)


def respond(call: EmulatedCall, body: bytes) -> web.Response:
    """Wrap a body; a stream is sent without Content-Length, as from Bedrock."""
    response = web.Response(body=body, content_type=call.content_type, headers=call.headers)
    if call.operation in STREAMS:
        response.enable_chunked_encoding()
    return response


def respond_error(call: EmulatedCall, error: ServiceError) -> web.Response:
    headers = {"x-amzn-requestid": call.request_id}
    if error.code:
        headers[TYPE_HEADER] = f"{error.code}:http://internal.amazon.com/coral/com.amazon.bedrock/"
    if call.fault is not None and call.fault.retry_after is not None:
        headers["Retry-After"] = call.fault.retry_after
    message = error.message.replace("{model}", call.model)
    body = json.dumps({"message" if error.code else "Message": message}).encode()
    return web.Response(body=body, status=error.status, headers=headers, content_type="application/json")


def _encode(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
