"""Markdown, as it is."""

from collections.abc import Iterator

from jobs.documents.decoding import decode
from jobs.documents.document import Part


class MarkdownReader:
    """Reads Markdown."""

    name = "markdown"
    suffixes: tuple[str, ...] = (".md", ".markdown")

    def read(self, data: bytes) -> Iterator[Part]:
        """The file as one part.

        Raises:
            UnreadableError: it is not text.
        """
        yield Part(decode(data))
