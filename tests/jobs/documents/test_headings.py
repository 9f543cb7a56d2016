"""Finding headings."""

import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from jobs.documents.document import Part
from jobs.documents.headings import MAX_LENGTH, headings

LINES = [
    *("# A", "## B ##", "   ### C", "    # code", "#none", "#", "Title", "===", "---", "  ---", "text", "", " ", "\t"),
    *("- item", "  - nested", "1. one", "> quote", "> # quoted", "```", "~~~", "`", "<div>", "</div>", "<!-- c", "-->"),
    *("<script>", "</script>", "| a | b |", "|---|---|", "a|b", "-|-", "[ref]: x", "[ref]:", "'title", "***", "* * *"),
    *("+ # in item", "é\u2028# no", "\x0b# no", "\x85===", "nul \0", "**b** `c`", "-", "2) two", "     deep", "<b>"),
    *("\\# no", "- ```", "  ==="),
]
ENDS = ["\n", "\r\n", "\r"]

documents = st.lists(st.tuples(st.sampled_from(LINES), st.sampled_from(ENDS)), max_size=30).map(
    lambda lines: "".join(line + end for line, end in lines)
)


def headings_of(markdown, syntax="markdown"):
    return list(headings(Part(markdown, syntax=syntax)))


def texts(markdown, syntax="markdown"):
    return [(heading.level, heading.text) for heading in headings_of(markdown, syntax)]


@given(documents)
@example("- a\n  b\n===\nc\n---\n")
@example("> a\nb\n===\n")
@example("[a]: b\n===\n")
@example("a|b\n-|-\n---\n# A")
def test_headings_are_the_top_level_headings_of_a_full_parse(markdown):
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown)
    expected = [(int(token.tag[1]), token.map) for token in tokens if token.type == "heading_open" and token.level == 0]
    starts = [0, *(match.end() for match in re.finditer(r"\r\n?|\n", markdown)), len(markdown)]
    assert [(h.level, h.start, h.end) for h in headings_of(markdown)] == [
        (level, starts[first], starts[last]) for level, (first, last) in expected
    ]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("# **bold** [link](x) `code`", "bold link code"),
        ("# ![alt *text*](p.png) and <b>html</b>", "alt text and html"),
        (r"# \*stars\* &amp; A & B", "*stars* & A & B"),
        ("# two   spaces\tand a tab ##", "two spaces and a tab"),
        ("Two\nlines  \nof **it**\n===", "Two lines of it"),
        ("# [1.2.0] - 2024-01-01", "[1.2.0] - 2024-01-01"),
        ("# nul\0l", "nul\N{REPLACEMENT CHARACTER}l"),
        ("#", ""),
    ],
)
def test_a_heading_is_its_rendered_text(line, text):
    assert texts(line + "\n\nbody")[0] == (1, text)


def test_a_heading_that_is_too_long_is_text():
    assert texts(f"# {'x' * MAX_LENGTH}\n") == [(1, "x" * MAX_LENGTH)]
    assert texts(f"# {'x' * (MAX_LENGTH + 1)}\n## y") == [(2, "y")]
    assert texts("word " * MAX_LENGTH + "\n===\n") == []


@pytest.mark.parametrize("end", ENDS)
def test_front_matter_has_no_headings(end):
    markdown = end.join(["---", "title: A", "# comment", "tags: [x]", "---", "# A", "x", "---"])
    assert texts(markdown) == [(1, "A"), (2, "x")]


def test_a_thematic_break_at_the_top_is_no_front_matter():
    assert texts("---\n\n# A\n\nx: y\n\n---\n# B\n") == [(1, "A"), (1, "B")]
    assert texts("---\n# A\nx\n\n---\n") == [(1, "A")]
    assert texts("---\nkey: value\n\n# A\n") == [(1, "A")]


def test_plain_text_has_no_headings():
    assert texts("# x\n\ny\n===\n", "plain") == []


def test_converted_text_has_only_the_headings_of_the_converter():
    markdown = "# A\n\ntext\n# no\n\ntext\n---\n\n<script> is a tag\n\na\n```\nb\n\n## B\n\n```\n# code\n```\n"
    assert texts(markdown, "converted") == [(1, "A"), (2, "B")]


def test_headings_after_a_list_that_is_nested_too_deeply_are_found():
    depth = 60
    nested = "".join("  " * level + f"- item {level}\n" for level in range(depth))
    assert texts(f"# A\n\n{nested}\n# B\n\n{'> ' * depth}deep\n\n# C\n") == [(1, "A"), (1, "B"), (1, "C")]


PATHOLOGICAL = {
    "quotes": ">" * 10_000,
    "spaced quotes": "> " * 10_000,
    "items in one line": "- " * 10_000,
    "numbers in one line": "1. " * 10_000,
    "almost a thematic break": "* " * 20_000 + "a",
    "brackets": "[" * 100_000,
    "brackets in lines": "[\n" * 2_000,
    "labels": "[a\n" * 2_000,
    "references": "[a]: b\n" * 1_000,
    "titles without end": '[a]: b\n"x\n\n' * 1_000,
    "headings": "# a\n" * 2_000,
    "headings of brackets": ("# " + "[" * (MAX_LENGTH - 2) + "\n") * 4,
    "marks in one line": "#" * 100_000,
    "tag with attributes": "<a " + "x " * 20_000 + "\n",
    "tag with spaces": "<a" + " " * 20_000 + "\n",
    "comments without end": "<!--\n" * 5_000,
    "one line": "word " * 200_000,
    "a setext paragraph": "a\n" * 3_000 + "===",
    "tables": "|a|b\n-|-\n" * 1_000,
    "fences": "```\n" * 4_000,
    "lazy lines": ">" * 20 + "a\n" + "b\n" * 500,
    "blank lines": "\n" * 30_000,
    "spaces": " " * 100_000 + "a\n" + " " * 100_000,
    "backticks": "`" * 100_000 + "\n",
    "steps": "".join("  " * level + "- a\n" for level in range(200)),
}


@pytest.mark.parametrize("name", PATHOLOGICAL)
def test_eight_times_the_input_takes_about_eight_times_the_time(name):
    """Quadratic time would be 64 times as much. CPU time, the best of two."""

    def cpu_seconds(text):
        best = float("inf")
        for _ in range(2):
            start = time.process_time()
            for _ in headings(Part(text)):
                pass
            best = min(best, time.process_time() - start)
        return best

    text = PATHOLOGICAL[name]
    assert cpu_seconds(text * 8) < max(0.05, 30 * cpu_seconds(text))
