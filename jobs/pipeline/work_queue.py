"""Units that wait to be called: which is next, and how much more should be read."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from jobs.requests.request import Request
from ratelimit.fair_queue import FairQueue

UNITS = 4096
"""Units that wait, and sections that may become some, after which nothing more is read."""
UNITS_OF_ONE = 512
"""The same for one document: then it is held up."""
DOCUMENTS = 32
"""Documents that share the rate at once: with more of them each would take longer, and none would be done sooner."""


class Unit(NamedTuple):
    """A unit to call for, with what its calls need."""

    id: int
    request: Request
    document: str
    heading: str


class WorkQueue:
    """Units by document, and the demand for more of them (jobs.documents.parser_pool.Demand).

    Units of documents that go first are picked before all others. Apart from that documents share evenly by the
    tokens that their units take of a quota; if not `fair`, units are picked in the order in which they came.
    """

    def __init__(self, *, fair: bool, weights: Mapping[str, float] | None = None) -> None:
        """A document that `weights` (1 or more) names has so many times the share of one with weight 1."""
        self._fair = fair
        self._first, self._rest = FairQueue[Unit](weights=weights), FairQueue[Unit](weights=weights)
        self._entering: Counter[str] = Counter()
        """Sections that were read and may become units, by document."""
        self._ended = False
        self._filled, self._drained = asyncio.Event(), asyncio.Event()

    def __len__(self) -> int:
        """Units that wait."""
        return len(self._first) + len(self._rest)

    # Enroller.

    def expect(self, document: str, sections: int) -> None:
        """So many sections were read."""
        self._entering[document] += sections

    def add(self, document: str, sections: int, units: Sequence[tuple[Unit, float]], *, first: bool) -> None:
        """This is what became of so many expected sections: units with the tokens that each will take."""
        queue = self._first if first else self._rest
        for unit, tokens in units:
            queue.put(self._flow(document), unit, tokens)
        self._entering[document] -= sections
        if not self._entering[document]:
            del self._entering[document]
        self._filled.set()
        self._drained.set()

    def end(self) -> None:
        """No more will come."""
        self._ended = True
        self._filled.set()

    # Demand.

    async def room(self) -> None:
        """Wait until anything more is wanted."""
        await self._until(lambda: len(self) + self._entering.total() < UNITS)

    async def wait_for_document_slot(self) -> None:
        """Wait until one more document is wanted."""
        if self._fair:
            await self._until(lambda: self._first.flows + self._rest.flows < DOCUMENTS)

    async def wants_more(self, document: str) -> bool:
        """Whether more of a document is wanted; waits while that may change without any call."""
        await self._until(lambda: self._wanted(document) or not self._entering[document])
        return self._wanted(document)

    async def wait_until_wanted(self, document: str) -> None:
        """Wait until more of a document is wanted."""
        await self._until(lambda: self._wanted(document))

    def _wanted(self, document: str) -> bool:
        return not self._fair or self._queued(document) + self._entering[document] < UNITS_OF_ONE

    async def _until(self, wanted: Callable[[], bool]) -> None:
        while not wanted():
            self._drained.clear()
            await self._drained.wait()

    # Picking.

    async def pick(self) -> Unit | None:
        """The next unit, as soon as there is one; None after the end."""
        while not (waiting := len(self)):
            if self._ended:
                return None
            self._filled.clear()
            await self._filled.wait()
        queue = self._first if len(self._first) else self._rest
        unit = queue.pick()
        # Only where a wait can have come to its end: whoever waits is not to be woken with every call.
        if queue.queued(self._flow(unit.document)) in (0, UNITS_OF_ONE - 1) or waiting == UNITS:
            self._drained.set()
        return unit

    def _queued(self, document: str) -> int:
        flow = self._flow(document)
        return self._first.queued(flow) + self._rest.queued(flow)

    def _flow(self, document: str) -> str:
        return document if self._fair else ""
