"""Decoding text."""

import codecs
import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.documents.decoding import decode
from jobs.documents.document import UnreadableError

GERMAN = "Für die Prüfung der Anträge gilt: Größe, Maß und Übermaß sind schriftlich anzugeben.\n"
FRENCH = "L’été dernier, la société a présenté ses résultats à l’assemblée — près de 5 € par action.\n"  # noqa: RUF001
POLISH = "Zażółć gęślą jaźń. Polska jest krajem w Europie Środkowej, który graniczy z Niemcami.\n"
RUSSIAN = "Это русский текст о погоде и о людях, которые живут в городе.\n"  # noqa: RUF001
JAPANESE = "これは日本語の文書です。東京の会社が新しい製品を発表しました。\n"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (GERMAN, "utf-8"),
        (GERMAN, "utf-8-sig"),
        (JAPANESE, "utf-16"),
        (GERMAN, "utf-32"),
        ("plain words, as a shell writes them\r\n", "utf-16-le"),
        (GERMAN, "utf-16-be"),
        (GERMAN, "cp1252"),
        (FRENCH, "cp1252"),
        ("café", "cp1252"),
        (POLISH, "cp1250"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8-r"),
        (JAPANESE, "shift_jis"),
        (JAPANESE, "euc_jp"),
    ],
)
def test_text_is_decoded(text, encoding):
    assert decode(text.encode(encoding)) == text


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "utf-8"])
def test_a_byte_order_mark_decides_and_is_not_part_of_the_text(encoding):
    assert decode(("\ufeff" + FRENCH).encode(encoding)) == FRENCH


@given(st.text())
def test_valid_utf_8_is_kept_with_a_few_nul_characters(text):
    text = "words before " + text.replace("\0", "") + "\0" + " words after"
    assert decode(text.encode()) == text


@pytest.mark.parametrize(
    ("declaration", "encoding"),
    [
        ('<meta charset="iso-8859-1">', "cp1252"),
        ("<META http-equiv=Content-Type content='text/html; charset=Shift_JIS'>", "cp932"),
        ("<?xml version='1.0' encoding='koi8-r'?>", "koi8-r"),
    ],
)
def test_html_is_decoded_as_declared(declaration, encoding):
    text = declaration + ("“caf\xe9”" if encoding == "cp1252" else "日本" if encoding == "cp932" else "да")
    assert decode(text.encode(encoding), html=True) == text


def test_a_wrong_declaration_is_ignored():
    for declared in ("nonsense", "utf-8", "euc_kr"):
        text = f"<meta charset={declared}>" + GERMAN
        assert decode(text.encode("cp1252"), html=True) == text
    assert decode(("<meta charset=koi8-r>" + GERMAN).encode(), html=True).endswith(GERMAN)


@pytest.mark.parametrize(
    "data",
    [b"\x89PNG\r\n\x1a\n" + zlib.compress(bytes(range(256)) * 40), random.Random(1).randbytes(4096), b"\0" * 4096],
    ids=["png", "noise", "hole"],
)
def test_binary_data_is_unreadable_with_a_remedy(data):
    with pytest.raises(UnreadableError, match=r"(binary|not text).*exclude it"):
        decode(data)


def test_a_wrong_byte_order_mark_is_unreadable():
    with pytest.raises(UnreadableError, match="mark says UTF-16-LE, but it is not; save it as UTF-8"):
        decode(codecs.BOM_UTF16_LE + b"\x00\xd8x")
