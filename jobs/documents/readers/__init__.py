"""Which reader reads which file. A further format is one more entry here."""

from pathlib import PurePath

from jobs.documents.document import Reader
from jobs.documents.readers.html import HtmlReader
from jobs.documents.readers.markdown import MarkdownReader
from jobs.documents.readers.text import TextReader

READERS: tuple[Reader, ...] = (MarkdownReader(), TextReader(), HtmlReader())

_BY_SUFFIX = {suffix: reader for reader in READERS for suffix in reader.suffixes}


def reader_for(path: str) -> Reader | None:
    """The reader of a file by its name's ending, whatever its case; None if no reader has it."""
    return _BY_SUFFIX.get(PurePath(path).suffix.lower())
