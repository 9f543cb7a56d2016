"""Reads HTML by converting it to Markdown."""

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
    """A page is one part, with text that a click would show, but without scripts, styles and `<nav>`."""

    name = "html"
    suffixes: tuple[str, ...] = (".html", ".htm", ".xhtml")

    def read(self, data: bytes) -> Iterator[Part]:
        page = decode(data, html=True)
        markdown = _converted(page)
        if markdown is None:  # flatten nested elements into paragraphs
            markdown = _converted(_NESTING.sub("<p>", _INLINE.sub("", page)))
        if markdown is None:
            raise UnreadableError("its elements are nested too deeply; save it as Markdown or text")
        yield Part(markdown, syntax="converted")


def _converted(page: str) -> str | None:
    """The page as Markdown; None if the converter dropped text that was nested too deeply."""
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
        # The bytes of inline images would cost tokens and are of no use as text.
        inline_data_media="alt_text_only",
    )
