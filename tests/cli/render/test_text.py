"""Foreign text on a terminal."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from cli.render.text import MARKS, safe

ANY_TEXT = st.text(st.characters(exclude_categories=()))
HOSTILE = st.text(
    st.sampled_from("a/é漢\x00\x07\x1b\x7f\x85\x9b\u200b\u202e\u2066\u2028\ud800\udcff\u0301\U000e0041\n\t\r")
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]52;c;aGVsbG8=\x07", r"\x1b]52;c;aGVsbG8=\x07"),
        ("\x9b2J\x7f\x00", r"\x9b2J\x7f\x00"),
        ("two\nlines\tand\r\n", r"two\nlines\tand\r\n"),
        ("invoice_\u202efdp.exe", r"invoice_\u202efdp.exe"),
        ("pay\u200bpal\ufeff\u00ad", r"pay\u200bpal\ufeff\xad"),
        ("a\u2028b\u2029c", r"a\u2028b\u2029c"),
        ("\udcff.pdf", r"\udcff.pdf"),
        ("\ue000\U0010ffff", r"\ue000\U0010ffff"),
        ("hi\U000e0041", r"hi\U000e0041"),
        ("\u3164\ufe0f\U000e0101", r"\u3164\ufe0f\U000e0101"),
        ("👩\u200d🔬", r"👩\u200d🔬"),
    ],
)
def test_characters_that_act_or_hide_are_escaped(text: str, shown: str) -> None:
    assert safe(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "docs/report [/draft] [red].pdf",
        "Prüfbericht über Öl \N{EN DASH} “Größe” · 3 €",
        "Cafe\u0301 Vie\u0302\u0323t",
        "技術報告書　第一章",
        "עברית العربية हिन्दी ไทย",
        "3\u00a0rue de l\N{RIGHT SINGLE QUOTATION MARK}Église 🚀 👍🏽",
        r"C:\new\x1b",
        "",
    ],
)
def test_harmless_text_is_unchanged(text: str) -> None:
    assert safe(text) == text


@given(ANY_TEXT | HOSTILE)
def test_the_result_is_printable_and_safe_is_idempotent(text: str) -> None:
    shown = safe(text)
    assert {unicodedata.category(char) for char in shown}.isdisjoint({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
    assert len(shown.splitlines()) <= 1
    shown.encode()
    assert safe(shown) == shown


@given(ANY_TEXT | HOSTILE, st.integers(0, 30))
def test_the_result_fits_the_width(text: str, width: int) -> None:
    shown = safe(text, width=width)
    assert cell_len(shown) <= width
    assert len(shown) <= width * (1 + MARKS) + MARKS
    assert safe(shown, width=width) == shown
    if cell_len(safe(text)) > width + 10 and width > 3:
        assert "..." in shown


def test_a_long_path_keeps_its_end_and_some_of_its_start() -> None:
    assert safe("projects/2024/reports/final/annual-report.pdf", width=30) == "projects/.../annual-report.pdf"
    assert safe("技術報告書/第一章.pdf", width=13) == "技...一章.pdf"


def test_escapes_and_letters_with_marks_are_never_cut_in_two() -> None:
    assert safe("\x1b" * 10, width=12) == r"...\x1b\x1b"
    assert safe("abcdefgh e\u0301", width=4) == "...\u0065\u0301"


def test_the_marks_on_a_letter_are_bounded() -> None:
    assert safe("a" + "\u0301" * 6) == "a" + "\u0301" * 4 + r"\u0301\u0301"
