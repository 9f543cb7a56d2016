"""Splits documents into Sections (pure)."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from jobs.documents.document import Part

if TYPE_CHECKING:
    from semantic_text_splitter import MarkdownSplitter, TextSplitter

BYTES_PER_TOKEN = 3
"""Minimum of UTF-8 bytes per token, measured: 3 for Claude 4.7+ and Nova, 4 for older Claude."""

_WINDOW = 6
"""Pieces per call of the splitter. Without natural boundaries its time grows with the square of the text."""


class Section(NamedTuple):
    """A heading with its text up to the next heading of any level, or a piece of it if it is too long."""

    number: int
    """Within the document, from 0."""
    heading: tuple[str, ...]
    """The path from the top heading to its own; empty before the first heading of a part."""
    text: str
    """The text below the heading line, unchanged but for blank lines around it."""
    location: str
    """Part.location."""
    id: str
    """16 hex digits: a hash of the document's name, the heading path, how often that path occurred before, and the
    number of the piece. It stays the same when texts or other headings change."""


def split(document: str, parts: Iterable[Part], max_tokens: int) -> Iterator[Section]:
    """The sections of a document, in order; a heading without text is no section, and a blank part has none.

    `document` is the document's name; `max_tokens` limits a text (BYTES_PER_TOKEN).
    """
    number = 0
    occurrences: Counter[tuple[str, ...]] = Counter()
    for part in parts:
        for heading, body in _bodies(part):
            occurrence = occurrences[heading]
            occurrences[heading] += 1
            pieces = _pieces(body, max_tokens * BYTES_PER_TOKEN, plain=part.syntax == "plain")
            for piece, untrimmed in enumerate(pieces):
                if text := _trimmed(untrimmed):
                    yield Section(number, heading, text, part.location, _id(document, heading, occurrence, piece))
                    number += 1


def _bodies(part: Part) -> Iterator[tuple[tuple[str, ...], str]]:
    """The heading paths of a part with the text below each, without blank lines around it."""
    from jobs.documents.headings import headings  # not needed in the parent, which only reads Sections

    outline: list[tuple[int, str]] = []
    start = 0
    for heading in headings(part):
        yield tuple(text for _, text in outline), _trimmed(part.markdown[start : heading.start])
        while outline and outline[-1][0] >= heading.level:
            outline.pop()
        outline.append((heading.level, heading.text))
        start = heading.end
    yield tuple(text for _, text in outline), _trimmed(part.markdown[start:])


def _pieces(text: str, limit: int, *, plain: bool) -> Iterator[str]:
    """The text, cut at natural boundaries if it is longer than `limit` bytes; joined, the pieces are the text."""
    if _size(text) <= limit:
        yield text
        return
    splitter = _splitter(limit, plain=plain)
    window = _WINDOW * limit // (_size(text) // len(text))
    at = 0
    while at < len(text):
        pieces = splitter.chunks(text[at : at + window])
        if at + window < len(text) and len(pieces) > 1:
            pieces.pop()  # the end of the window is no boundary
        yield from pieces
        at += sum(map(len, pieces))


@lru_cache(maxsize=4)
def _splitter(limit: int, *, plain: bool) -> "MarkdownSplitter | TextSplitter":
    from semantic_text_splitter import MarkdownSplitter, TextSplitter

    return (TextSplitter if plain else MarkdownSplitter).from_callback(_size, limit, trim=False)


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


_LINE_END = re.compile(r"[\r\n]")


def _trimmed(text: str) -> str:
    """Without blank lines around it; empty if it is blank."""
    first = len(text) - len(text.lstrip())
    if first == len(text):
        return ""
    first = max(text.rfind("\n", 0, first), text.rfind("\r", 0, first)) + 1
    line_end = _LINE_END.search(text, len(text.rstrip()))
    return text[first : line_end.start() if line_end else len(text)]


def _id(document: str, heading: tuple[str, ...], occurrence: int, piece: int) -> str:
    # No part contains a NUL (a path cannot, and headings replace it), so different parts never join to the same string.
    parts = (document, *heading, str(occurrence), str(piece))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
