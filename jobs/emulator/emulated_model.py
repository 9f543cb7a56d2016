"""The emulated model: answers with sentences extracted from the prompt (pure, deterministic, linear)."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from jobs.emulator.json_checks import Json
from jobs.emulator.prompt import Prompt, size_of, tokens
from jobs.emulator.schema_instance import schema_instance

MARK = "[emulated] "
_DOCUMENT = re.compile(r"<document-([0-9a-f]{16})>\n?")
_SENTENCE = re.compile(r"[^\n.!?。！？]+(?:[.!?。！？]+(?!\s)[^\n.!?。！？]+)*[.!?。！？]*")  # noqa: RUF001 (CJK stops)
_MAX_SENTENCE_CHARACTERS = 300
"""Lines of tables can be far longer."""


@dataclass(frozen=True, slots=True)
class EmulatedAnswer:
    """An answer, independent of the API that it is sent through."""

    text: str
    stop_reason: str
    output_tokens: int
    tool_input: Json | None = None
    """Input of the tool call; None if no tool is called. `text` is the same as JSON."""
    stop_sequence: str | None = None

    def deltas(self) -> Iterator[str]:
        """The text in the pieces of a stream."""
        for at in range(0, len(self.text), 64):
            yield self.text[at : at + 64]


def answer(prompt: Prompt, limit: int) -> EmulatedAnswer:
    """Answer in at most `limit` tokens; raises UnsatisfiableError if no instance of the prompt's schema is known."""
    extracted = MARK + extract(document(prompt.text))
    if prompt.schema is None:
        return _finish(extracted, prompt.stop, limit)
    value = schema_instance(prompt.schema, extracted)
    text = json.dumps(value, ensure_ascii=False)
    result = _finish(text, () if prompt.tool else prompt.stop, limit)
    if prompt.tool and result.stop_reason == "end_turn":
        tool_input = value if isinstance(value, dict) else {"value": value}
        return EmulatedAnswer(text, "tool_use", result.output_tokens, tool_input)
    return result


def _finish(text: str, stop: tuple[str, ...], limit: int) -> EmulatedAnswer:
    reason, sequence = "end_turn", None
    if size_of(text) > 4 * limit:
        text = text.encode("utf-8", "surrogatepass")[: 4 * limit].decode("utf-8", "ignore")
        reason = "max_tokens"
    matches = [(position, word) for word in stop if (position := text.find(word)) >= 0]
    if matches:
        position, sequence = min(matches)
        text, reason = text[:position], "stop_sequence"
    return EmulatedAnswer(text, reason, tokens(size_of(text)), stop_sequence=sequence)


def document(text: str) -> str:
    """The text between the document delimiters; all of it if there are none."""
    opening = _DOCUMENT.search(text)
    if opening is None:
        return text
    end = text.find(f"</document-{opening[1]}>", opening.end())
    return text if end < 0 else text[opening.end() : end]


def extract(text: str) -> str:
    """The first sentence and the two with the most frequent words on average, in the order of the text."""
    sentences = [stripped for match in _SENTENCE.findall(text) if (stripped := match.strip())]
    sentences = [sentence for sentence in sentences if sentence[0] != "#"] or sentences
    if not sentences:
        return "(no text)"
    # Words of up to three letters are frequent in any text and say nothing about it.
    words = [[word for word in sentence.lower().split() if len(word) > 3] for sentence in sentences]
    frequency = Counter(chain.from_iterable(words))
    # + 3: a sentence of one frequent word must not win.
    scores = [sum(map(frequency.__getitem__, of_sentence)) / (len(of_sentence) + 3) for of_sentence in words]
    best = sorted(range(1, len(sentences)), key=scores.__getitem__, reverse=True)[:2]
    return " ".join(_shorten(sentences[index]) for index in [0, *sorted(best)])


def _shorten(sentence: str) -> str:
    if len(sentence) <= _MAX_SENTENCE_CHARACTERS:
        return sentence
    return sentence[:_MAX_SENTENCE_CHARACTERS].rsplit(" ", 1)[0] + " …"
