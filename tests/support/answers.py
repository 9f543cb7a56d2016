"""Responses of Converse."""

import json
from typing import Any

from jobs.requests.answer import Answer, parse


def body(text: str = "An answer.", *, stop: str = "end_turn", input_tokens: int = 10, output_tokens: int = 5) -> bytes:
    return json.dumps(document(text, stop, input_tokens, output_tokens)).encode()


def document(text: str, stop: str = "end_turn", input_tokens: int = 10, output_tokens: int = 5) -> dict[str, Any]:
    return {
        "output": {"message": {"role": "assistant", "content": [{"text": text}]}},
        "stopReason": stop,
        "usage": {
            "inputTokens": input_tokens,
            "outputTokens": output_tokens,
            "totalTokens": input_tokens + output_tokens,
        },
        "metrics": {"latencyMs": 1},
    }


def answer(text: str = "An answer.", *, stop: str = "end_turn") -> Answer:
    return parse(body(text, stop=stop))
