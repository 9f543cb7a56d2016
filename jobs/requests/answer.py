"""Parses Converse replies: the one place that decides whether a reply is an answer (pure)."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

COMPLETE = frozenset({"end_turn", "stop_sequence", "tool_use"})
"""Stop reasons of a complete answer."""

INCOMPLETE = {
    "max_tokens": "the answer was cut off at --max-tokens",
    "guardrail_intervened": "a guardrail intervened",
    "content_filtered": "the model's content filter intervened",
    "malformed_model_output": "the model's output was malformed",
    "malformed_tool_use": "the model's use of a tool was malformed",
    "model_context_window_exceeded": "the model's context window was exceeded",
}
"""Stop reasons of an answer that was paid for but is not a success, with messages. Bedrock sends them with HTTP 200."""

MAX_TOKEN_COUNT = 1 << 53
"""Above it JSON numbers are not exact; real counts are far smaller."""


class Usage(NamedTuple):
    """Tokens that an answer was billed for."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0


class Answer(NamedTuple):
    """What an accepted attempt returned."""

    raw: bytes
    text: str
    usage: Usage
    stop_reason: str

    @property
    def complete(self) -> bool:
        """Whether it counts as a success."""
        return self.stop_reason in COMPLETE and bool(self.text.strip())

    @property
    def why_incomplete(self) -> str:
        """The reason as a message; only for an answer that is not complete."""
        return INCOMPLETE.get(self.stop_reason, "the answer is blank")

    @property
    def sha256(self) -> bytes:
        """The checksum of the raw body (32 bytes)."""
        return hashlib.sha256(self.raw).digest()


class NotAnAnswer(ValueError):  # noqa: N818 (reads better without Error)
    """The body of a reply with status 200 is not a Converse answer. The text says what is wrong."""


def parse(raw: bytes) -> Answer:
    """Parse the body of a Converse reply with status 200.

    Raises:
        NotAnAnswer: truncated, not JSON, wrong shape, unknown stop reason, or usage that is not whole numbers.
    """
    try:
        body = _DECODER.decode(raw.decode())
    except (ValueError, RecursionError) as error:
        raise NotAnAnswer(f"the body is not JSON ({error})") from None
    if not isinstance(body, dict):
        raise NotAnAnswer("the body is not a JSON object")
    stop_reason = body.get("stopReason")
    if not isinstance(stop_reason, str) or stop_reason not in COMPLETE | INCOMPLETE.keys():
        raise NotAnAnswer(f"unknown stop reason {stop_reason!r:.80}")
    return Answer(raw, _text(body), _usage(body), stop_reason)


def _text(body: Mapping[str, Any]) -> str:
    try:
        blocks = body["output"]["message"]["content"]
        return "".join(block["text"] for block in blocks if "text" in block)
    except (KeyError, TypeError):
        raise NotAnAnswer("no output.message.content with text blocks") from None


def _usage(body: Mapping[str, Any]) -> Usage:
    usage = body.get("usage")
    if not isinstance(usage, dict):
        raise NotAnAnswer("no usage")
    counts = [
        usage.get("inputTokens"),
        usage.get("outputTokens"),
        usage.get("cacheReadInputTokens", 0),
        usage.get("cacheWriteInputTokens", 0),
    ]
    if not all(type(count) is int and 0 <= count < MAX_TOKEN_COUNT for count in counts):
        raise NotAnAnswer("usage is not whole numbers")
    return Usage(*counts)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)
