"""Files, Documents and their Parts, and the protocol of a reader."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from jobs.documents.sampling import Take


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a document as Markdown; readers of all formats yield Parts."""

    markdown: str
    location: str = ""
    """`page 3` or `sheet Prices, rows 1-40`; empty if the document is one piece."""
    syntax: Literal["markdown", "converted", "plain"] = "markdown"
    """What counts as a heading. `converted`: only `#` lines between blank lines, as a converter writes them; anything
    else that looks like a heading was text in the original. `plain`: nothing, as it is not Markdown."""


class UnreadableError(Exception):
    """A document cannot be read. The text says why, for a person, without the path."""


class Reader(Protocol):
    name: str
    """As in documents.jsonl: `markdown`, `text`, `html`."""
    suffixes: tuple[str, ...]
    """Lower case, with the dot."""

    def read(self, data: bytes) -> Iterator[Part]:
        """The parts of a file, in order.

        Raises:
            UnreadableError: the bytes are not of this format.
        """
        ...


@dataclass(frozen=True, slots=True)
class Source:
    """A file from the listing."""

    path: str
    """Where to open it (bytes that are not UTF-8 as surrogate escapes)."""
    document: str
    """Its name in the results: the argument joined with the relative path, undecodable bytes percent-encoded."""
    unreadable_reason: str = ""
    """Why it is not opened at all (not a regular file, too large, no permission...); empty if it is."""
    size: int = 0
    """Bytes when it was listed; 0 if it is not opened."""
    first: bool = False
    """Whether it comes before all others (FileRules.first)."""
    take: Take | None = None
    """The sections of a sample; None: all."""


@dataclass(frozen=True, slots=True)
class Document:
    """A file that was read, or could not be."""

    path: str
    """Its name in the results (Source.document)."""
    format: str = ""
    bytes: int = 0
    sections: int = 0
    status: str = "ok"
    """`ok`, `empty`, `unreadable`, or `sampled`: it has sections that are not in the sample."""
    error: str = ""
