"""HTML, by way of Markdown."""

import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

from jobs.documents.decoding import decode
from jobs.documents.document import Part, UnreadableError

if TYPE_CHECKING:
    from html_to_markdown import ConversionOptions

_INLINE = re.compile(
    r"</?(?:a|abbr|b|bdo|big|cite|em|font|i|ins|mark|s|small|span|strike|strong|tt|u)\b[^<>]*>", re.IGNORECASE
)
_NESTING = re.compile(
    r"</?(?!(?:h[1-6]|head|title|style|script|template|textarea|pre|code|br|hr|img)\b)[a-z][^<>]*>", re.IGNORECASE
)


class HtmlReader:
    """Reads HTML; also of text that a click would show, but not of scripts, styles and `<nav>`."""

    name = "html"
    suffixes: tuple[str, ...] = (".html", ".htm", ".xhtml")

    def read(self, data: bytes) -> Iterator[Part]:
        """The page as one part.

        Raises:
            UnreadableError: it is not text, or nested so deeply that text would be lost.
        """
        page = decode(data, html=True)
        markdown = _converted(page)
        if markdown is None:  # what nests becomes paragraphs side by side
            markdown = _converted(_NESTING.sub("<p>", _INLINE.sub("", page)))
        if markdown is None:
            raise UnreadableError("its elements are nested too deeply; save it as Markdown or text")
        yield Part(markdown, syntax="converted")


def _converted(page: str) -> str | None:
    """The page as Markdown; None where the converter left out what is nested deeper than it goes."""
    from html_to_markdown import WarningKind, convert

    result = convert(page, _options())
    if any(warning.kind == WarningKind.DEPTH_LIMIT_EXCEEDED for warning in result.warnings):
        return None
    return result.content or ""


@cache
def _options() -> "ConversionOptions":
    from html_to_markdown import ConversionOptions, PreprocessingOptions

    return ConversionOptions(
        heading_style="atx",
        extract_metadata=False,
        # ASP.NET wraps whole pages in a form.
        preprocessing=PreprocessingOptions(remove_forms=False),
        hidden_content="reachable",
        # A picture's bytes are of no use to a language model, and dear.
        inline_data_media="alt_text_only",
    )
