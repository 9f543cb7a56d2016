r"""`safe` makes foreign text safe to print: file names, model answers, error messages of servers.

Rich removes neither escape sequences nor bidirectional controls, and reads `[/x]` as markup: every foreign string goes
through `safe`, and into Rich as `rich.text.Text`.

Escaped, as Python writes it (`\x1b`, `\n`, `\u202e`, `\U000e0041`): control characters (C0, DEL, C1), line and
paragraph separators, bidirectional controls, zero-width characters and joiners, variation selectors, tag characters,
lone surrogates, private-use and unassigned code points. Kept: letters of all scripts, combining marks (four on one
letter), spaces of all widths, emoji. An emoji made of several (ZWJ) is shown as its parts with a visible `\u200d`: an
invisible character can make two different names look equal, and terminals disagree on the width of such a sequence.
A backslash is not escaped, so `safe(safe(text)) == safe(text)`.
"""

import re
import unicodedata
from collections.abc import Iterable

MARKS = 4
"""Maximum combining marks in a row: more than any script needs. They take no cell, so a width does not bound them."""

CUT = "..."

# Printable to Python, yet invisible: the rest of Default_Ignorable_Code_Point (DerivedCoreProperties.txt).
_INVISIBLE = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef]")


def safe(text: str, *, width: int | None = None) -> str:
    """The text as one line that has no effect on a terminal.

    With a `width` (terminal cells) a longer text is cut in the middle. More is kept of its end than of its start, since
    the end of a path says more.
    """
    if text.isascii() and text.isprintable():
        pieces: Iterable[str] = text
    else:
        pieces = _pieces(text)
    return "".join(pieces) if width is None else _shortened(list(pieces), width)


def _pieces(text: str) -> Iterable[str]:
    marks = 0
    for char in text:
        marks = marks + 1 if unicodedata.category(char) in {"Mn", "Me"} else 0
        # isprintable() rejects spaces (Zs) other than the ASCII one.
        harmless = char.isprintable() or unicodedata.category(char) == "Zs"
        if harmless and marks <= MARKS and not _INVISIBLE.match(char):
            yield char
        else:
            yield char.encode("unicode_escape").decode()


def _shortened(pieces: list[str], width: int) -> str:
    # Piece by piece, so that no escape is cut in two; the sum of the widths is never less than that of the whole.
    from rich.cells import cell_len

    if sum(map(cell_len, pieces)) <= width:
        return "".join(pieces)
    room = max(0, width - len(CUT))
    head, rest = _take(pieces, room // 3)
    tail, _ = _take(pieces[::-1], rest + room - room // 3)
    while tail and not cell_len(tail[-1]):
        tail.pop()  # a mark whose letter was cut away
    return "".join(head) + CUT[: max(0, width)] + "".join(reversed(tail))


def _take(pieces: list[str], room: int) -> tuple[list[str], int]:
    """As many pieces as fit into the room, and the room left."""
    from rich.cells import cell_len

    for index, piece in enumerate(pieces):
        if cell_len(piece) > room:
            return pieces[:index], room
        room -= cell_len(piece)
    return pieces, room
