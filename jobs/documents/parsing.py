"""From one file to its sections, in the process that calls."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from jobs.documents.document import Document, Source, UnreadableError
from jobs.documents.opening import load
from jobs.documents.readers import reader_for
from jobs.documents.splitting import Section, split

BATCH = 256
"""Sections in a chunk, at most."""
BATCH_CHARACTERS = 1 << 20
"""Text in a chunk after which it ends."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What parsing needs to know of the settings."""

    max_tokens: int
    """Of a section."""
    max_file_size: int
    """Bytes."""
    follow_symlinks: bool = False


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some sections of a document, in order."""

    document: Document
    """As far as it was read; with the last chunk, finally."""
    sections: list[Section]
    done: bool
    """Whether it is the document's last."""
    position: int = 0
    """The document's place in the listing."""
    first: bool = False
    """The document is one of those that go before all others."""


def parse(source: Source, limits: Limits) -> Iterator[Chunk]:
    """Read a file and split it. What goes wrong is told by the document of the last chunk, never raised."""
    reader = reader_for(source.document)
    document = Document(source.document, reader.name if reader else "")
    error, batch, count = source.refused, list[Section](), 0
    try:
        if reader and not error:
            size, follow = limits.max_file_size, limits.follow_symlinks
            data = load(source.path, max_file_size=size, follow_symlinks=follow)
            document = replace(document, bytes=len(data))
            characters = 0
            for section in split(source.document, reader.read(data), limits.max_tokens):
                batch.append(section)
                characters += len(section.text)
                if len(batch) == BATCH or characters >= BATCH_CHARACTERS:
                    count += len(batch)
                    yield Chunk(replace(document, sections=count), batch, done=False)
                    batch, characters = [], 0
    except UnreadableError as failure:
        error = str(failure)
    except MemoryError:
        error = "reading it needs more memory than is allowed; split it into smaller files"
    except Exception as failure:  # noqa: BLE001 (whatever a format's library raises, the next file is read)
        error = f"it cannot be parsed ({type(failure).__name__}: {failure}); exclude it, or save it in another format"
    count += len(batch)
    status = "unreadable" if error else "ok" if count else "empty"
    if status == "empty":
        error = "there is no text in it, or only headings; exclude it"
    yield Chunk(replace(document, sections=count, status=status, error=error), batch, done=True)
