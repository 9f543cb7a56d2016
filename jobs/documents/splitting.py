"""Splits documents into Sections (pure)."""

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
    start: int
    """With `end`: its span in the part's Markdown, including its heading and headings without text before it."""
    end: int


@dataclass(frozen=True, slots=True)
class _Region:
    """A possible section: the span of its body and the parts of its id."""

    heading: tuple[str, ...]
    occurrence: int
    piece: int
    start: int
    end: int


def split(document: str, parts: Iterable[Part], max_tokens: int) -> Iterator[Section]:
    """The sections of a document, in order. The spans of a part's sections cover the part without gaps.

    A heading without text is no section: it belongs to the span of the next one, or of the last one of the part. A part
    without text has no section. `document` is the document's name; `max_tokens` limits a text (BYTES_PER_TOKEN).
    """
    number = 0
    occurrences: Counter[tuple[str, ...]] = Counter()
    for part in parts:
        last: Section | None = None
        for region in _regions(part, occurrences, max_tokens * BYTES_PER_TOKEN):
            start, end = _trimmed(part.markdown, region.start, region.end)
            if start == end:
                continue
            if last is not None:
                yield last
            text = part.markdown[start:end]
            span_start = last.end if last is not None else 0
            last = Section(number, region.heading, text, part.location, _id(document, region), span_start, region.end)
            number += 1
        if last is not None:
            yield last._replace(end=len(part.markdown))


def _regions(part: Part, occurrences: Counter[tuple[str, ...]], limit: int) -> Iterator[_Region]:
    """The text between headings, cut if longer than `limit` bytes; `occurrences` counts heading paths."""
    from jobs.documents.headings import headings  # not needed in the parent, which only reads Sections

    outline: list[tuple[int, str]] = []
    start = 0
    for heading in headings(part):
        yield from _pieces(part, outline, occurrences, limit, start, heading.start)
        while outline and outline[-1][0] >= heading.level:
            outline.pop()
        outline.append((heading.level, heading.text))
        start = heading.end
    yield from _pieces(part, outline, occurrences, limit, start, len(part.markdown))


def _pieces(
    part: Part, outline: list[tuple[int, str]], occurrences: Counter[tuple[str, ...]], limit: int, start: int, end: int
) -> Iterator[_Region]:
    heading = tuple(text for _, text in outline)
    occurrence = occurrences[heading]
    occurrences[heading] += 1
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
    """Lengths in characters of the pieces of a text, cut at natural boundaries, none above `limit` bytes."""
    splitter = _splitter(limit, plain=plain)
    window = _WINDOW * limit // (_size(text) // len(text))
    at = 0
    while at < len(text):
        pieces = splitter.chunks(text[at : at + window])
        if at + window < len(text) and len(pieces) > 1:
            pieces.pop()  # the end of the window is no boundary
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
    """The span without blank lines around it; empty if it has no text."""
    body = text[start:end]
    first = len(body) - len(body.lstrip())
    if first == len(body):
        return start, start
    first = max(body.rfind("\n", 0, first), body.rfind("\r", 0, first)) + 1
    line_end = _LINE_END.search(body, len(body.rstrip()))
    return start + first, start + (line_end.start() if line_end else len(body))


def _id(document: str, region: _Region) -> str:
    # No part contains a NUL (a path cannot, and headings replace it), so different parts never join to the same string.
    parts = (document, *region.heading, str(region.occurrence), str(region.piece))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
