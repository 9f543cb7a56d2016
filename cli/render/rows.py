"""Labelled values that flow onto as many lines as they need, none of them wider than the terminal."""

from collections.abc import Iterable

from rich.cells import cell_len
from rich.text import Text

from cli.render.text import safe

LABEL = 11
"""Cells of the label and the space after it."""

Item = tuple[str, str]
"""A text and its style; the style may be empty."""


def count_item(name: str, number: int, attention: str = "") -> Item:
    """`failed 12`, in the style `attention` if it is not zero."""
    return f"{name} {number:,}", attention if number else ""


def rows(label: str, items: Iterable[Item], width: int, *, between: str = "  ") -> list[Text]:
    """The items beside their label. An item wider than a line is on separate lines, broken between words."""
    room = max(1, width - LABEL)
    lines: list[list[Item]] = [[]]
    free = 0
    for text, style in items:
        is_wide = cell_len(safe(text)) > room
        if is_wide:
            free = 0
        for number, word in enumerate(text.split(" ") if is_wide else [text]):
            shown = safe(word, width=room)
            gap = " " if number else between
            if not lines[-1]:
                gap, free = "", room
            elif len(gap) + cell_len(shown) > free:
                lines.append([])
                gap, free = "", room
            lines[-1] += [(gap, ""), (shown, style)]
            free -= len(gap) + cell_len(shown)
        if is_wide:
            free = 0
    return [_line("" if index else label, pieces) for index, pieces in enumerate(lines)]


def _line(label: str, pieces: Iterable[Item]) -> Text:
    line = Text(label.ljust(LABEL), style="", no_wrap=True, overflow="crop")
    line.stylize("bold", 0, len(label))
    for text, style in pieces:
        line.append(text, style=style)
    return line


def prose(label: str, text: str, style: str, width: int, *, max_lines: int = 3) -> list[Text]:
    """A text of several words beside its label, cut in its middle if it needs more than about `max_lines`."""
    shown = safe(text, width=max(1, max_lines * (width - LABEL)))
    return rows(label, ((word, style) for word in shown.split(" ")), width, between=" ")
