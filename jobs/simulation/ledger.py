"""What a server writes down of calls, in columns: a million of them as objects would take a quarter of a gigabyte."""

import math
from array import array
from collections.abc import Iterable, Iterator
from itertools import starmap
from typing import NamedTuple

REFUSALS = ("", "requests", "tokens", "tokens-per-day", "unavailable")
"""By what a call can be refused; empty: it was admitted."""


class Call(NamedTuple):
    """One call as the server saw it. Times are in seconds."""

    unit: int
    """Of the client's work; negative: another tenant's."""
    sent: float
    arrived: float
    refused: str = ""
    """One of REFUSALS."""
    reserved: float = 0.0
    """Tokens taken on arrival."""
    settled: float = 0.0
    """Tokens that it took in the end; until then, those that it reserved."""
    ended: float = math.inf
    """When the model had done with it."""

    @property
    def throttled(self) -> bool:
        """Whether it was refused for a quota."""
        return bool(self.refused) and self.refused != "unavailable"

    def tokens(self, at: float) -> float:
        """What it has taken of a token quota by then."""
        return self.settled if self.ended < at else self.reserved


class Ledger:
    """Calls in the order in which they were written down."""

    def __init__(self, calls: Iterable[Call] = ()) -> None:
        self._units = array("i")
        self._sent, self._arrived, self._ended = array("d"), array("d"), array("d")
        self._refused = bytearray()
        """By the place in REFUSALS."""
        self._reserved, self._settled = array("d"), array("d")
        for call in calls:
            self.write(*call)

    def __len__(self) -> int:
        return len(self._units)

    def __iter__(self) -> Iterator[Call]:
        refused = map(REFUSALS.__getitem__, self._refused)
        columns = self._units, self._sent, self._arrived, refused, self._reserved, self._settled, self._ended
        return starmap(Call, zip(*columns, strict=True))

    def write(
        self,
        unit: int,
        sent: float,
        arrived: float,
        refused: str = "",
        reserved: float = 0.0,
        settled: float = 0.0,
        ended: float = math.inf,
    ) -> int:
        """Write down a call (see there); its row."""
        self._units.append(unit)
        self._sent.append(sent)
        self._arrived.append(arrived)
        self._refused.append(REFUSALS.index(refused))
        self._reserved.append(reserved)
        self._settled.append(settled)
        self._ended.append(ended)
        return len(self._units) - 1

    def settle(self, row: int, settled: float, ended: float) -> None:
        """What became of a call that was admitted."""
        self._settled[row], self._ended[row] = settled, ended
