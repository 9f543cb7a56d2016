"""Texts as the journal keeps them."""

from contextlib import suppress
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from jobs.record.kept_text import compress, expand


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_comes_back(text):
    assert expand(compress(text)) == text


def test_it_takes_less_room():
    text = "The supplier delivers within ten working days. " * 40
    assert len(compress(text)) < len(text.encode()) / 5


def test_no_changed_bit_changes_the_text_unnoticed():
    text = "The supplier delivers within ten working days, the customer pays within thirty days."
    kept = compress(text)
    for place, bit in product(range(len(kept)), range(8)):
        changed = kept[:place] + bytes([kept[place] ^ 1 << bit]) + kept[place + 1 :]
        with suppress(ValueError):
            assert expand(changed) == text
