"""Which reader reads which file. A new format is one more entry here."""

from pathlib import PurePath

from jobs.documents.document import Reader
from jobs.documents.readers.html import HtmlReader
from jobs.documents.readers.markdown import MarkdownReader
from jobs.documents.readers.text import TextReader

READERS: tuple[Reader, ...] = (MarkdownReader(), TextReader(), HtmlReader())

_BY_SUFFIX = {suffix: reader for reader in READERS for suffix in reader.suffixes}


def reader_for(path: str) -> Reader | None:
    """The reader for a file's extension, in any case; None if there is none."""
    return _BY_SUFFIX.get(PurePath(path).suffix.lower())
