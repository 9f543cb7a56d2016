"""Decodes text: by byte order mark, as UTF-8, as HTML declares, or by a guess, in this order."""

import codecs
import re

from jobs.documents.document import UnreadableError

_BYTE_ORDER_MARKS = (  # UTF-32 first: its little-endian mark starts with the one of UTF-16
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WIDE = ["utf_16", "utf_16_be", "utf_16_le", "utf_32", "utf_32_be", "utf_32_le"]
_SEVEN_BITS = ["utf_7"]
_MAX_NULS = 0.25
"""Share of NUL bytes above which valid UTF-8 is taken for UTF-16 or binary data."""

_DECLARED = re.compile(rb"""<(?:meta|\?xml)\b[^>]*?(?:charset|encoding)\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE)
_DECLARATION_BYTES = 1024
"""HTML must declare its encoding in these first bytes: https://html.spec.whatwg.org/#determining-the-character-encoding"""


def decode(data: bytes, *, html: bool = False) -> str:
    """The text of a file, without its byte order mark. NUL characters are kept.

    Raises:
        UnreadableError: it is not text, or its encoding is unknown.
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            text = _decoded(data[len(mark) :], encoding)
            if text is None:
                raise UnreadableError(f"its byte order mark says {encoding.upper()}, but it is not; save it as UTF-8")
            return text
    if data.count(0) <= len(data) * _MAX_NULS and (text := _decoded(data, "utf-8")) is not None:
        return text
    if html and (declared := _DECLARED.search(data, 0, _DECLARATION_BYTES)):
        text = _decoded(data, _web_encoding(declared[1].decode("ascii")))
        if text is not None:
            return text
    return _guess(data)


def _decoded(data: bytes, encoding: str) -> str | None:
    try:
        return str(data, encoding)
    except (UnicodeError, LookupError):
        return None


def _web_encoding(label: str) -> str:
    """The encoding that browsers use for a label: https://encoding.spec.whatwg.org/#names-and-labels."""
    try:
        name = codecs.lookup(label).name
    except LookupError:
        return label
    return {"iso8859-1": "cp1252", "ascii": "cp1252", "shift_jis": "cp932", "gb2312": "gb18030", "euc_kr": "cp949"}.get(
        name, name
    )


def _guess(data: bytes) -> str:
    from charset_normalizer import from_bytes

    # UTF-16 has NULs at least in its line ends; without any, short text in other encodings would pass for UTF-16.
    matches = list(from_bytes(data, cp_exclusion=_SEVEN_BITS if 0 in data else _SEVEN_BITS + _WIDE))
    if matches:
        best = matches[0]
        # Of equally likely encodings, that of western Windows is by far the most common.
        western = any(
            "cp1252" in match.could_be_from_charset and match.chaos <= best.chaos and match.coherence >= best.coherence
            for match in matches
        )
        text = _decoded(data, "cp1252" if western else best.encoding)
        if text is not None and text.count("\0") <= len(text) * _MAX_NULS:
            return text
    if 0 in data:
        raise UnreadableError("it is binary, not text; exclude it, or give it the extension of its format")
    raise UnreadableError("it is not text, or in an unknown encoding; exclude it, or save it as UTF-8")
