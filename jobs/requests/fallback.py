"""What stands in for an answer while the service is out: how the section begins, in its own words (pure).

It is an excerpt, not an answer to what was asked, and says so.
"""

import re

from jobs.requests.answer import Answer, parse
from jobs.requests.request import Request, canonical, undelimited

MARK = "[not answered, the section begins:] "
MOST = 300
"""Characters of the excerpt."""

_END = re.compile(r"[.!?…](?=\s)|[。！？]|\n")  # noqa: RUF001 (they end sentences in Chinese and Japanese)
"""Where a reader may stop: at the end of a sentence or line."""


def local_answer(request: Request, heading: str) -> Answer:
    """An answer in the form of one of Converse, so that it is kept, checked and read as those are; it cost nothing."""
    text = undelimited(request.body).removeprefix(f"# {heading}\n\n")
    body = {
        "output": {"message": {"role": "assistant", "content": [{"text": MARK + excerpt(text)}]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 0, "outputTokens": 0, "totalTokens": 0},
    }
    return parse(canonical(body))


def excerpt(text: str) -> str:
    """The first sentences of a text, as many as there is room for; else its first words."""
    text = text.strip()
    if len(text) <= MOST:
        return text
    head = text[:MOST]
    ends = [found.end() for found in _END.finditer(text, 0, MOST)]
    cut = ends[-1] if ends else max(head.rfind(" "), 0) or MOST
    return f"{head[:cut].rstrip()} ..."
