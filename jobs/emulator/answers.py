"""The emulated model: honest extracts of what it was given (pure, deterministic, linear)."""

import json
import re
from collections import Counter
from dataclasses import dataclass
from itertools import chain

from jobs.emulator.instances import instance
from jobs.emulator.prompt import Json, Prompt, size_of, tokens

MARK = "[emulated] "
_DOCUMENT = re.compile(r"<document-([0-9a-f]{16})>\n?")
_SENTENCE = re.compile(r"[^\n.!?。！？]+(?:[.!?。！？]+(?!\s)[^\n.!?。！？]+)*[.!?。！？]*")  # noqa: RUF001 (CJK stops)
_TELLING = 4
"""Characters from which on a word counts: shorter ones are frequent and tell nothing."""
_BEST = 2
"""Sentences beside the first."""
_LONGEST = 300
"""Characters of a sentence; lines of tables can be far longer."""


@dataclass(frozen=True, slots=True)
class EmulatedAnswer:
    """What the model said."""

    text: str
    stop_reason: str
    output_tokens: int
    tool_input: Json | None = None
    """Set where the model called the tool it was told to call; the text is then the same as JSON."""
    stop_sequence: str | None = None


def answer(prompt: Prompt, limit: int) -> EmulatedAnswer:
    """The answer to a prompt, of at most `limit` tokens.

    Raises:
        UnsatisfiableError: no instance of the schema could be made up.
    """
    gist = extract(document(prompt.text))
    if prompt.schema is None:
        return _finish(MARK + gist, prompt.stop, limit)
    value = instance(prompt.schema, MARK + gist)
    text = json.dumps(value, ensure_ascii=False)
    said = _finish(text, () if prompt.tool else prompt.stop, limit)
    if prompt.tool and said.stop_reason == "end_turn":
        return EmulatedAnswer(
            text, "tool_use", said.output_tokens, value if isinstance(value, dict) else {"value": value}
        )
    return said


def _finish(text: str, stop: tuple[str, ...], limit: int) -> EmulatedAnswer:
    size = size_of(text)
    reason, sequence = "end_turn", None
    if size > 4 * limit:
        text = text.encode("utf-8", "surrogatepass")[: 4 * limit].decode("utf-8", "ignore")
        reason = "max_tokens"
    ends = [(at, word) for word in stop if (at := text.find(word)) >= 0]
    if ends:
        at, sequence = min(ends)
        text, reason = text[:at], "stop_sequence"
    return EmulatedAnswer(text, reason, tokens(size_of(text)), stop_sequence=sequence)


def document(text: str) -> str:
    """What stands between the document's delimiters; the whole text where there are none."""
    opening = _DOCUMENT.search(text)
    if opening is None:
        return text
    end = text.find(f"</document-{opening[1]}>", opening.end())
    return text if end < 0 else text[opening.end() : end]


def extract(text: str) -> str:
    """The first sentence of a text and the most telling ones, in its order.

    A sentence tells as much as its words are frequent in the text, on average.
    """
    sentences = [stripped for found in _SENTENCE.findall(text) if (stripped := found.strip())]
    sentences = [sentence for sentence in sentences if sentence[0] != "#"] or sentences
    if not sentences:
        return "(no text)"
    words = [[word for word in sentence.lower().split() if len(word) >= _TELLING] for sentence in sentences]
    frequency = Counter(chain.from_iterable(words))
    scores = [sum(map(frequency.__getitem__, some)) / (len(some) + 3) for some in words]
    best = sorted(range(1, len(sentences)), key=scores.__getitem__, reverse=True)[:_BEST]
    return " ".join(_shortened(sentences[index]) for index in [0, *sorted(best)])


def _shortened(sentence: str) -> str:
    return sentence if len(sentence) <= _LONGEST else sentence[:_LONGEST].rsplit(" ", 1)[0] + " …"
