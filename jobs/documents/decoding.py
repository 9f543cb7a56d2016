"""From bytes to text: byte order mark, UTF-8, what the HTML declares, and only then a guess."""

import codecs
import re

from jobs.documents.document import UnreadableError

_MARKS = (  # UTF-32 first: its little-endian mark begins with that of UTF-16
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WIDE = ["utf_16", "utf_16_be", "utf_16_le", "utf_32", "utf_32_be", "utf_32_le"]
_SEVEN_BITS = ["utf_7"]
_NULS = 0.25
"""Share of NUL bytes above which bytes that happen to be valid UTF-8 are UTF-16 or no text at all."""

_DECLARED = re.compile(rb"""<(?:meta|\?xml)\b[^>]*?(?:charset|encoding)\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE)
_HEAD = 1024
"""Bytes in which HTML must declare its encoding: https://html.spec.whatwg.org/#determining-the-character-encoding"""


def decode(data: bytes, *, html: bool = False) -> str:
    """The text of a file; NUL characters in it are kept, a byte order mark is not.

    Raises:
        UnreadableError: it is not text, or its encoding cannot be told.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            text = _decoded(data[len(mark) :], encoding)
            if text is None:
                raise UnreadableError(f"it is marked as {encoding.upper()}, but is not; save it as UTF-8")
            return text
    if data.count(0) <= len(data) * _NULS and (text := _decoded(data, "utf-8")) is not None:
        return text
    if html and (declared := _DECLARED.search(data, 0, _HEAD)):
        text = _decoded(data, _windows(declared[1].decode("ascii")))
        if text is not None:
            return text
    return _guessed(data)


def _decoded(data: bytes, encoding: str) -> str | None:
    try:
        return str(data, encoding)
    except (UnicodeError, LookupError):
        return None


def _windows(label: str) -> str:
    """The encoding that a label of the web means: https://encoding.spec.whatwg.org/#names-and-labels."""
    try:
        name = codecs.lookup(label).name
    except LookupError:
        return label
    return {"iso8859-1": "cp1252", "ascii": "cp1252", "shift_jis": "cp932", "gb2312": "gb18030", "euc_kr": "cp949"}.get(
        name, name
    )


def _guessed(data: bytes) -> str:
    from charset_normalizer import from_bytes

    # Without a NUL there is no line end in UTF-16, but some short text in another encoding would pass for it.
    found = list(from_bytes(data, cp_exclusion=_SEVEN_BITS if 0 in data else _SEVEN_BITS + _WIDE))
    if found:
        best = found[0]
        # Of equally likely ones, that of western Windows is by far the most common.
        western = any(
            "cp1252" in match.could_be_from_charset and match.chaos <= best.chaos and match.coherence >= best.coherence
            for match in found
        )
        text = _decoded(data, "cp1252" if western else best.encoding)
        if text is not None and text.count("\0") <= len(text) * _NULS:
            return text
    if 0 in data:
        raise UnreadableError("it is binary, not text; exclude it, or give it the ending of its real format")
    raise UnreadableError("it is not text, or in an unknown encoding; exclude it, or save it as UTF-8")
