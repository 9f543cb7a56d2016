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
    """The items beside their label; an item wider than a line is cut in its middle."""
    lines: list[Text] = []
    line = Text(label.ljust(LABEL), style="", no_wrap=True, overflow="crop")
    line.stylize("bold", 0, len(label))
    room = free = max(1, width - LABEL)
    for text, style in items:
        shown = safe(text, width=room)
        size = cell_len(shown)
        if free < room and len(between) + size > free:
            lines.append(line)
            line, free = Text(" " * LABEL, no_wrap=True, overflow="crop"), room
        elif free < room:
            line.append(between)
            free -= len(between)
        line.append(shown, style=style)
        free -= size
    return [*lines, line]


def prose(label: str, text: str, style: str, width: int, *, max_lines: int = 3) -> list[Text]:
    """A text of several words beside its label, cut in its middle if it needs more than about `max_lines`."""
    shown = safe(text, width=max(1, max_lines * (width - LABEL)))
    return rows(label, ((word, style) for word in shown.split(" ")), width, between=" ")
