"""Reads one file and splits it into sections, in the calling process."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace

from jobs.documents.document import Document, Source, UnreadableError
from jobs.documents.opening import load
from jobs.documents.readers import reader_for
from jobs.documents.splitting import Section, split

MAX_SECTIONS = 256
"""Sections of a chunk."""
MAX_CHARACTERS = 1 << 20
"""A chunk ends with the section that exceeds these characters of text."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The settings that parsing needs."""

    max_tokens: int
    """Of a section."""
    max_file_size: int
    """Bytes."""
    follow_symlinks: bool = False


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some sections of a document, in order."""

    document: Document
    """As far as it has been read; complete in the last chunk."""
    sections: list[Section]
    done: bool
    """Whether it is the document's last chunk."""
    position: int = 0
    """The document's position in the listing."""
    first: bool = False
    """Source.first."""
    again: bool = False
    """Whether the document was read before in this run, for other sections of a sample."""


def parse(source: Source, limits: Limits) -> Iterator[Chunk]:
    """Read a file and split it. Errors are never raised: they are in the document of the last chunk."""
    reader = reader_for(source.document)
    document = Document(source.document, reader.name if reader else "")
    error, batch, count, sampled = source.unreadable_reason, list[Section](), 0, False
    try:
        if reader and not error:
            data = load(source.path, max_file_size=limits.max_file_size, follow_symlinks=limits.follow_symlinks)
            document = replace(document, bytes=len(data))
            characters = 0
            skip, limit = source.take or (0, sys.maxsize)
            for section in split(source.document, reader.read(data), limits.max_tokens):
                if section.number < skip:
                    count += 1
                    continue
                if section.number == skip + limit:
                    sampled = True
                    break
                batch.append(section)
                characters += len(section.text)
                if len(batch) == MAX_SECTIONS or characters >= MAX_CHARACTERS:
                    count += len(batch)
                    yield Chunk(replace(document, sections=count), batch, done=False)
                    batch, characters = [], 0
    except UnreadableError as failure:
        error = str(failure)
    except MemoryError:
        error = "it needs more memory than allowed; split it into smaller files"
    except Exception as failure:  # noqa: BLE001 (format libraries raise anything, and the next file must be read)
        # Without the text of the exception, which may hold text of the document.
        error = f"it cannot be parsed ({type(failure).__name__}); exclude it, or save it in another format"
    count += len(batch)
    status = "unreadable" if error else "sampled" if sampled else "ok" if count else "empty"
    if status == "empty":
        error = "it has no text, or only headings; exclude it"
    yield Chunk(replace(document, sections=count, status=status, error=error), batch, done=True)
