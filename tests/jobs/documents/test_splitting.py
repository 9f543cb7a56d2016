"""Splitting documents into sections."""

import time
import tracemalloc

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jobs.documents.document import Part
from jobs.documents.headings import headings
from jobs.documents.splitting import BYTES_PER_TOKEN, Section, split

FRAGMENTS = st.sampled_from(
    [
        *("# A\n", "## B\r\n", "C\n===\n", "D\r---\r", "```\n# no\n```\n", "| a |\n|---|\n| 1 |\n", "\n", "\r\n"),
        *("  \n", "text", "text. More text!\n\n", "nul \0 here\n", "é 漢字 \U0001f600\n", "\u2028", "\x0b\n", "\x85"),
        *("- a\n  # no\n", "> # no\n", "    code\n", "<div>\n# no\n</div>\n\n", " ", "word " * 40, "x" * 500, "\ufeff"),
        "e\u0301" * 50,
    ]
)
MARKDOWN = st.lists(FRAGMENTS, max_size=25).map("".join) | st.text(max_size=200)
SYNTAX = st.sampled_from(["markdown", "converted", "plain"])


def sections(markdown: str, max_tokens: int = 2000, syntax: str = "markdown") -> list[Section]:
    return list(split("a.md", [Part(markdown, syntax=syntax)], max_tokens))


def outline(markdown: str) -> list[tuple[tuple[str, ...], str]]:
    return [(section.heading, section.text) for section in sections(markdown)]


def test_a_section_is_a_heading_with_its_text_up_to_the_next_heading_of_any_level():
    markdown = "before\n\n# A\n\none\n\n## B\n\n- two\n- three\n\n### C\nfour\n\nD\n---\n\nfive\n"
    assert outline(markdown) == [
        ((), "before"),
        (("A",), "one"),
        (("A", "B"), "- two\n- three"),
        (("A", "B", "C"), "four"),
        (("A", "D"), "five"),
    ]


def test_a_heading_without_text_is_no_section_but_part_of_the_path():
    assert outline("# A\n\n## B\n\ntext\n\n## C\n# D\n  \n") == [(("A", "B"), "text")]


def test_heading_levels_may_be_skipped():
    markdown = "### deep\na\n# top\nb\n### deep\nc\n## mid\nd\n"
    assert [heading for heading, _ in outline(markdown)] == [
        ("deep",),
        ("top",),
        ("top", "deep"),
        ("top", "mid"),
    ]


def test_text_is_unchanged_except_for_blank_lines_around_it():
    markdown = "# A\r\n \r\n\r\n    code\r\n\r\n\tmore  \t\r\n\r\n# B\rx"
    assert [section.text for section in sections(markdown)] == ["    code\r\n\r\n\tmore  \t", "x"]


@pytest.mark.parametrize("markdown", ["", "\n", " \t\r\n", "# A\n\n## B\n", "\u00a0\n\u2003"])
def test_a_part_without_text_has_no_section(markdown):
    assert sections(markdown) == []


def test_sections_are_numbered_across_parts_and_each_part_starts_without_a_heading():
    got = list(split("a", [Part("# A\nx", "page 1"), Part(" \n", "page 2"), Part("y\n# A\nz", "page 3")], 100))
    assert [(s.number, s.heading, s.text, s.location) for s in got] == [
        (0, ("A",), "x", "page 1"),
        (1, (), "y", "page 3"),
        (2, ("A",), "z", "page 3"),
    ]
    assert len({s.id for s in got}) == 3


def test_plain_text_has_no_headings():
    (only,) = sections("# no\n\nNo\n==\ntext", syntax="plain")
    assert (only.heading, only.text) == ((), "# no\n\nNo\n==\ntext")


def test_an_id_is_stable_when_texts_or_other_sections_change():
    before = {s.heading: s.id for s in sections("# A\nx\n## B\n\n# C\ny\n# D\nz")}
    after = {s.heading: s.id for s in sections("intro\n\n# A\nchanged\n## B\nnow with text\n# New\nn\n# C\ny\n# D\nz")}
    assert {heading: after[heading] for heading in before} == before


def test_an_id_depends_on_the_document_the_path_and_how_often_the_path_occurred_before():
    one, two = sections("# A\nx\n# A\nx")
    (other,) = split("b.md", [Part("# A\nx")], 2000)
    (deeper,) = sections("# B\n## A\nx")
    assert len({one.id, two.id, other.id, deeper.id}) == 4
    # A heading without text counts: text that is added later must not change the ids after it.
    assert sections("# A\n# A\nx")[0].id == two.id


def test_a_long_section_is_split_at_natural_boundaries_and_keeps_its_heading():
    paragraphs = [f"Paragraph {number}. " + "It says something. " * 6 for number in range(20)]
    got = sections("# A\n\n" + "\n\n".join(paragraphs) + "\n\n# B\nend", max_tokens=120)
    pieces = [s for s in got if s.heading == ("A",)]
    assert [s.number for s in got] == list(range(len(got)))
    assert len(pieces) > 5
    assert all(piece.text.startswith("Paragraph") and piece.text.endswith(". ") for piece in pieces)
    assert "\n\n".join(piece.text for piece in pieces) == "\n\n".join(paragraphs)
    assert len({s.id for s in got}) == len(got)


def test_pieces_keep_their_ids_when_text_is_added_at_the_end():
    short, long = sections("# A\n" + "a b. " * 100, 20), sections("# A\n" + "a b. " * 200, 20)
    assert [s.id for s in short][:-1] == [s.id for s in long][: len(short) - 1]


@given(st.lists(MARKDOWN, max_size=3), SYNTAX, st.integers(2, 60))
@example(["e\u0301" * 200], "markdown", 2)
@example(["a" + "\u0301" * 300], "markdown", 5)
@example(["\r\n" * 50 + "a" + "\r\n" * 50 + "b"], "markdown", 2)
def test_no_text_is_lost_and_no_piece_is_too_long(markdowns, syntax, max_tokens):
    parts = [Part(markdown, str(number), syntax) for number, markdown in enumerate(markdowns)]
    got = list(split("a.md", parts, max_tokens))
    assert [section.number for section in got] == list(range(len(got)))
    assert len({section.id for section in got}) == len(got)
    for part in parts:
        of_part = [section for section in got if section.location == part.location]
        bare = part.markdown
        for heading in reversed(list(headings(part))):
            bare = bare[: heading.start] + bare[heading.end :]
        kept = "".join("".join(section.text.split()) for section in of_part)
        assert kept == "".join(bare.split())
        for section in of_part:
            assert section.text in part.markdown
            assert section.text.strip()
            size = len(section.text.encode())
            assert size <= max_tokens * BYTES_PER_TOKEN


LONG_LINES = {
    "letters": "x" * 1_000_000,
    "words": "word " * 200_000,
    "kanji": "漢" * 300_000,
    "spaces": " " * 1_000_000 + "x",
    "marks": "a\u0301\u0302" * 100_000,
    "brackets": "[" * 500_000,
}


@pytest.mark.parametrize("line", LONG_LINES)
@pytest.mark.parametrize("syntax", ["markdown", "plain"])
def test_a_line_of_a_megabyte_is_split_in_linear_time(line, syntax):
    start = time.process_time()
    got = sections(f"# A\n\n{LONG_LINES[line]}\n", syntax=syntax)
    assert time.process_time() - start < 10  # 0.1 to 0.3 s; the splitter alone takes minutes
    assert "".join("".join(s.text.split()) for s in got).removeprefix("#A") == "".join(LONG_LINES[line].split())
    assert all(len(s.text.encode()) <= 6000 for s in got)


def test_prose_is_split_quickly_and_without_keeping_tokens():
    paragraph = "Some words of a line that was wrapped.\n" * 20
    prose = "".join(f"## Heading {n}\n\n{paragraph}\n" for n in range(1500))
    start = time.process_time()
    assert sum(1 for _ in split("a", [Part(prose)], 2000)) == 1500
    assert len(prose) / (time.process_time() - start) > 1e6  # 12 MB/s when measured
    tracemalloc.start()
    try:
        for _ in split("a", [Part(prose)], 2000):
            pass
        assert tracemalloc.get_traced_memory()[1] < 8 * len(prose)  # line marks and texts; tokens are 50 times as much
    finally:
        tracemalloc.stop()
