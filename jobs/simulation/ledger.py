"""Every call a simulated server received, stored in columns: a million call objects would take 250 MB."""

import math
from array import array
from collections.abc import Iterable, Iterator
from itertools import starmap
from typing import NamedTuple

UNAVAILABLE = "unavailable"
"""The error of a call during an outage (503)."""
ERRORS = ("", "requests", "tokens", UNAVAILABLE)
"""Why a call failed: the quota that throttled it, or UNAVAILABLE; empty: the call was admitted."""


class SimulatedCall(NamedTuple):
    """One call as the server saw it. Times are in seconds."""

    unit: int
    """The number of its section; negative: a tenant's call."""
    sent: float
    arrived: float
    error: str = ""
    """One of ERRORS."""
    reserved: float = 0.0
    """Tokens reserved on arrival."""
    settled: float = 0.0
    """Tokens used; equal to `reserved` until the call ends."""
    ended: float = math.inf

    @property
    def throttled(self) -> bool:
        return bool(self.error) and self.error != UNAVAILABLE

    def tokens(self, at: float) -> float:
        """What the call takes from a token quota at this time."""
        return self.settled if self.ended < at else self.reserved


class ServerLedger:
    """SimulatedCalls in the order in which they were added."""

    def __init__(self, calls: Iterable[SimulatedCall] = ()) -> None:
        self._units = array("i")
        self._sent, self._arrived, self._ended = array("d"), array("d"), array("d")
        self._errors = bytearray()
        """Indices into ERRORS."""
        self._reserved, self._settled = array("d"), array("d")
        for call in calls:
            self.add(*call)

    def __len__(self) -> int:
        return len(self._units)

    def __iter__(self) -> Iterator[SimulatedCall]:
        errors = map(ERRORS.__getitem__, self._errors)
        columns = self._units, self._sent, self._arrived, errors, self._reserved, self._settled, self._ended
        return starmap(SimulatedCall, zip(*columns, strict=True))

    def add(
        self,
        unit: int,
        sent: float,
        arrived: float,
        error: str = "",
        reserved: float = 0.0,
        settled: float = 0.0,
        ended: float = math.inf,
    ) -> int:
        """Append a call with the fields of SimulatedCall; returns its row."""
        self._units.append(unit)
        self._sent.append(sent)
        self._arrived.append(arrived)
        self._errors.append(ERRORS.index(error))
        self._reserved.append(reserved)
        self._settled.append(settled)
        self._ended.append(ended)
        return len(self._units) - 1

    def settle(self, row: int, settled: float, ended: float) -> None:
        self._settled[row], self._ended[row] = settled, ended
