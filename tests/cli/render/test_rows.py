"""Labelled values on lines of a width."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.render.rows import LABEL, count_item, prose, rows


def plain(lines) -> list[str]:
    return [line.plain.rstrip() for line in lines]


def test_items_flow_onto_as_many_lines_as_they_need():
    items = [("one", ""), ("two", ""), ("three", "")]
    assert plain(rows("label", items, 40)) == ["label      one  two  three"]
    assert plain(rows("label", items, LABEL + 8)) == ["label      one  two", "           three"]


def test_an_item_wider_than_a_line_has_lines_of_its_own_broken_between_words():
    items = [("a", ""), ("600 requests/minute (configured)", ""), ("b", "")]
    assert plain(rows("quota", items, LABEL + 20)) == [
        "quota      a",
        "           600 requests/minute",
        "           (configured)",
        "           b",
    ]


def test_a_wide_first_item_stands_beside_the_label():
    assert plain(rows("quota", [("one two three", "")], LABEL + 8)) == ["quota      one two", "           three"]


def test_a_word_wider_than_a_line_is_cut_in_its_middle():
    assert plain(rows("path", [("/a/very/long/path.md", "")], LABEL + 10)) == ["path       /a...th.md"]


@given(st.lists(st.tuples(st.text(max_size=30), st.just("")), max_size=6), st.integers(LABEL + 1, 80))
def test_no_line_is_wider_than_the_width(items, width):
    assert all(line.cell_len <= width for line in rows("label", items, width))


@pytest.mark.parametrize(("number", "style"), [(0, ""), (3, "red")])
def test_only_a_count_above_zero_asks_for_attention(number, style):
    assert count_item("failed", number, "red") == (f"failed {number}", style)


def test_prose_is_bounded():
    assert len(prose("cost", "word " * 1000, "", 40, max_lines=3)) <= 4
