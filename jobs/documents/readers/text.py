"""Plain text: a line of it that looks like a heading is none."""

from collections.abc import Iterator

from jobs.documents.decoding import decode
from jobs.documents.document import Part


class TextReader:
    """Reads plain text."""

    name = "text"
    suffixes: tuple[str, ...] = (".txt", ".text")

    def read(self, data: bytes) -> Iterator[Part]:
        """The file as one part without headings.

        Raises:
            UnreadableError: it is not text.
        """
        yield Part(decode(data), syntax="plain")
