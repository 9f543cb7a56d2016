"""Sections: what a reader of a document would call one (pure)."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from jobs.documents.document import Part

if TYPE_CHECKING:
    from semantic_text_splitter import MarkdownSplitter, TextSplitter

BYTES_PER_TOKEN = 3
"""UTF-8 bytes of a token, at the least: 3 for Claude 4.7+ and Nova, 4 for older Claude (measured)."""

_WINDOW = 6
"""Pieces that the splitter sees at once: its time grows with the square of a text without a natural boundary."""


class Section(NamedTuple):
    """A heading with its text up to the next heading of any level, or a piece of it where that is too long."""

    number: int
    """Within the document, from 0."""
    heading: tuple[str, ...]
    """From the top, its own last; empty before the first heading of a part."""
    text: str
    """What is sent: below the heading line, without blank lines around it, otherwise exactly the characters."""
    location: str
    """Of its part."""
    id: str
    """16 hex digits of the document's name, the heading path, how often that came before, and the piece's number: edits
    of texts and of other headings leave it."""
    start: int
    """With `end`: its characters in the part's Markdown, the heading line and headings without text among them."""
    end: int


@dataclass(frozen=True, slots=True)
class _Region:
    """What may become a section: the span of its body, and what its id is made of."""

    heading: tuple[str, ...]
    occurrence: int
    piece: int
    start: int
    end: int


def split(document: str, parts: Iterable[Part], max_tokens: int) -> Iterator[Section]:
    """The sections of a document, in order; the spans of a part's sections, put together, are all of the part.

    A heading without text makes no section: it joins the span of the next one, at the end of a part of the last one.
    A part without any text has no section. `document` is the document's name, `max_tokens` the size of the longest
    text, by the bytes of its characters.
    """
    number = 0
    met: Counter[tuple[str, ...]] = Counter()
    for part in parts:
        last: Section | None = None
        for region in _regions(part, met, max_tokens * BYTES_PER_TOKEN):
            start, end = _trimmed(part.markdown, region.start, region.end)
            if start == end:
                continue
            if last is not None:
                yield last
            text = part.markdown[start:end]
            begin = last.end if last is not None else 0
            last = Section(number, region.heading, text, part.location, _id(document, region), begin, region.end)
            number += 1
        if last is not None:
            yield last._replace(end=len(part.markdown))


def _regions(part: Part, met: Counter[tuple[str, ...]], limit: int) -> Iterator[_Region]:
    """The stretches between headings, cut where they are longer than `limit` bytes; `met` counts heading paths."""
    from jobs.documents.headings import headings  # markdown-it is of no use to who only reads what a child has split

    outline: list[tuple[int, str]] = []
    start = 0
    for found in headings(part):
        yield from _pieces(part, outline, met, limit, start, found.start)
        while outline and outline[-1][0] >= found.level:
            outline.pop()
        outline.append((found.level, found.text))
        start = found.end
    yield from _pieces(part, outline, met, limit, start, len(part.markdown))


def _pieces(
    part: Part, outline: list[tuple[int, str]], met: Counter[tuple[str, ...]], limit: int, start: int, end: int
) -> Iterator[_Region]:
    heading = tuple(text for _, text in outline)
    occurrence = met[heading]
    met[heading] += 1
    first, last = _trimmed(part.markdown, start, end)
    text = part.markdown[first:last]
    if _size(text) <= limit:
        yield _Region(heading, occurrence, 0, start, end)
        return
    for piece, length in enumerate(_lengths(text, limit, plain=part.syntax == "plain")):
        first += length
        yield _Region(heading, occurrence, piece, start, first if first < last else end)
        start = first


def _lengths(text: str, limit: int, *, plain: bool) -> Iterator[int]:
    """Lengths (characters) of the pieces that a text falls into at natural boundaries, none above `limit` bytes."""
    splitter = _splitter(limit, plain=plain)
    window = _WINDOW * limit // (_size(text) // len(text))
    at = 0
    while at < len(text):
        pieces = splitter.chunks(text[at : at + window])
        if at + window < len(text) and len(pieces) > 1:
            pieces.pop()  # it ends where the window does, which is no boundary
        for piece in pieces:
            at += len(piece)
            yield len(piece)


@lru_cache(maxsize=4)
def _splitter(limit: int, *, plain: bool) -> "MarkdownSplitter | TextSplitter":
    from semantic_text_splitter import MarkdownSplitter, TextSplitter

    return (TextSplitter if plain else MarkdownSplitter).from_callback(_size, limit, trim=False)


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


_LINE_END = re.compile(r"[\r\n]")


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """The span without the blank lines around it; empty where nothing else is there."""
    body = text[start:end]
    first = len(body) - len(body.lstrip())
    if first == len(body):
        return start, start
    first = max(body.rfind("\n", 0, first), body.rfind("\r", 0, first)) + 1
    line_end = _LINE_END.search(body, len(body.rstrip()))
    return start + first, start + (line_end.start() if line_end else len(body))


def _id(document: str, region: _Region) -> str:
    # No name holds a NUL (a path cannot, and a heading's is replaced), so different parts never make the same string.
    parts = (document, *region.heading, str(region.occurrence), str(region.piece))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
