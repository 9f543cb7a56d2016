"""The local answer while the service is unavailable: an excerpt of the section, marked as such (pure)."""

import re

from jobs.requests.answer import Answer, parse
from jobs.requests.request import Request, canonical, undelimited

MARK = "[no answer; start of the section:] "
MAX_LENGTH = 300
"""Characters of the excerpt."""

_BREAK = re.compile(r"[.!?…](?=\s)|[。！？]|\n")  # noqa: RUF001 (they end sentences in Chinese and Japanese)
"""The end of a sentence or line."""


def local_answer(request: Request, heading: str) -> Answer:
    """The excerpt in the form of a Converse answer, so that it is stored and checked like one. It costs nothing."""
    text = undelimited(request.body).removeprefix(f"# {heading}\n\n")
    body = {
        "output": {"message": {"role": "assistant", "content": [{"text": MARK + excerpt(text)}]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 0, "outputTokens": 0, "totalTokens": 0},
    }
    return parse(canonical(body))


def excerpt(text: str) -> str:
    """The first sentences that fit into MAX_LENGTH characters; else the first words."""
    text = text.strip()
    if len(text) <= MAX_LENGTH:
        return text
    head = text[:MAX_LENGTH]
    breaks = [match.end() for match in _BREAK.finditer(text, 0, MAX_LENGTH)]
    cut = breaks[-1] if breaks else max(head.rfind(" "), 0) or MAX_LENGTH
    return f"{head[:cut].rstrip()} ..."
