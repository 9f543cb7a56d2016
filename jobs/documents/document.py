"""What reading yields: Documents, their Parts, and the protocol of a reader."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Part:
    """Markdown of one place of a document; every format becomes Parts."""

    markdown: str
    location: str = ""
    """Where it stands (`page 3`, `sheet Prices, rows 1-40`); empty where the document is one piece."""
    syntax: Literal["markdown", "converted", "plain"] = "markdown"
    """What makes a heading in it. `converted`: only lines with # that stand alone, as a converter writes them; all
    else that looks like one was text in the original. `plain`: nothing, it is not Markdown at all."""


class UnreadableError(Exception):
    """A document cannot be read; the text says why, in a person's words, without its path."""


class Reader(Protocol):
    """Reads one format."""

    name: str
    """As it stands in documents.jsonl: `markdown`, `text`, `html`."""
    suffixes: tuple[str, ...]
    """Lower case, with the dot."""

    def read(self, data: bytes) -> Iterator[Part]:
        """The parts of a file's bytes, in order.

        Raises:
            UnreadableError: the bytes are not of this format.
        """
        ...


@dataclass(frozen=True, slots=True)
class Source:
    """A file to read, in the order of the listing."""

    path: str
    """Where to open it (bytes that are not UTF-8 as surrogate escapes)."""
    document: str
    """Its name in the results: the argument joined with the relative path, undecodable bytes percent-encoded."""
    refused: str = ""
    """Why it will not be opened at all (not a regular file, too large, no permission to list); empty if it will."""
    size: int = 0
    """Bytes when it was listed; 0 if refused."""
    first: bool = False
    """It is one of those that go before all others (FileRules.first)."""


@dataclass(frozen=True, slots=True)
class Document:
    """A file that was read, or could not be."""

    path: str
    """Its name in the results (Source.document)."""
    format: str = ""
    bytes: int = 0
    sections: int = 0
    status: str = "ok"
    """`ok`, `empty` or `unreadable`."""
    error: str = ""
