"""Reads Markdown, unchanged."""

from collections.abc import Iterator

from jobs.documents.decoding import decode
from jobs.documents.document import Part


class MarkdownReader:
    """A file is one part."""

    name = "markdown"
    suffixes: tuple[str, ...] = (".md", ".markdown")

    def read(self, data: bytes) -> Iterator[Part]:
        yield Part(decode(data))
