"""Reads plain text: lines that look like headings are text."""

from collections.abc import Iterator

from jobs.documents.decoding import decode
from jobs.documents.document import Part


class TextReader:
    """A file is one part without headings."""

    name = "text"
    suffixes: tuple[str, ...] = (".txt", ".text")

    def read(self, data: bytes) -> Iterator[Part]:
        yield Part(decode(data), syntax="plain")
