"""Units waiting for a call: which one is next, and how much more to read."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from jobs.requests.request import Request
from ratelimit.fair_queue import FairQueue

MAX_UNITS = 4096
"""Units queued, plus sections being enrolled, above which reading pauses."""
MAX_UNITS_OF_DOCUMENT = 512
"""The same for one document: reading pauses for that document alone."""
MAX_DOCUMENTS = 32
"""Documents that share the rate at once. More would delay each without finishing any sooner."""


class Unit(NamedTuple):
    id: int
    request: Request
    document: str
    heading: str


class WorkQueue:
    """Queued units by document. Implements jobs.documents.parser_pool.Demand.

    Units of priority documents (--first) are picked first. Documents share the rate evenly by tokens; if not `fair`,
    units are picked in the order of arrival.
    """

    def __init__(self, *, fair: bool, weights: Mapping[str, float] | None = None) -> None:
        """`weights`: shares of documents, 1 or more; 1 for documents not named."""
        self._fair = fair
        self._first, self._rest = FairQueue[Unit](weights=weights), FairQueue[Unit](weights=weights)
        self._enrolling: Counter[str] = Counter()
        """Sections read and not yet enrolled, by document."""
        self._ended = False
        self._filled = asyncio.Event()
        self._waiters: dict[asyncio.Future[None], Callable[[], bool]] = {}
        """Readers that wait until a condition holds."""

    def __len__(self) -> int:
        return len(self._first) + len(self._rest)

    # Filling.

    def expect(self, document: str, sections: int) -> None:
        """Sections were read; `add` follows once they are enrolled."""
        self._enrolling[document] += sections

    def add(self, document: str, sections: int, units: Sequence[tuple[Unit, float]], *, first: bool) -> None:
        """Queue the units of sections announced by `expect`, each with its tokens."""
        queue = self._first if first else self._rest
        for unit, tokens in units:
            queue.put(self._flow(document), unit, tokens)
        self._enrolling[document] -= sections
        if not self._enrolling[document]:
            del self._enrolling[document]
        self._filled.set()
        self._wake()

    def end(self) -> None:
        self._ended = True
        self._filled.set()

    # Demand.

    async def room(self) -> None:
        """Wait until the queue has room for more sections."""
        await self._until(lambda: len(self) + self._enrolling.total() < MAX_UNITS)

    async def wait_for_document_slot(self) -> None:
        """Wait until one more document may be opened."""
        if self._fair:
            await self._until(lambda: self._first.flows + self._rest.flows < MAX_DOCUMENTS)

    async def wants_more(self, document: str) -> bool:
        """Whether the queue has room for more of a document, once its sections read so far are enrolled."""
        await self._until(lambda: self._has_room(document) or not self._enrolling[document])
        return self._has_room(document)

    async def wait_until_wanted(self, document: str) -> None:
        """Wait until the queue has room for more of a document."""
        await self._until(lambda: self._has_room(document))

    def _has_room(self, document: str) -> bool:
        return not self._fair or self._queued(document) + self._enrolling[document] < MAX_UNITS_OF_DOCUMENT

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            waiter = asyncio.get_running_loop().create_future()
            self._waiters[waiter] = condition
            try:
                await waiter
            finally:
                del self._waiters[waiter]

    def _wake(self) -> None:
        """Wake the readers whose condition holds; there are as many as parser processes, mostly one."""
        for waiter, condition in self._waiters.items():
            if not waiter.done() and condition():
                waiter.set_result(None)

    # Picking.

    async def pick(self) -> Unit | None:
        """The next unit, as soon as there is one; None after the end."""
        while not len(self):
            if self._ended:
                return None
            self._filled.clear()
            await self._filled.wait()
        unit = (self._first if len(self._first) else self._rest).pick()
        if self._waiters:
            self._wake()
        return unit

    def _queued(self, document: str) -> int:
        flow = self._flow(document)
        return self._first.queued(flow) + self._rest.queued(flow)

    def _flow(self, document: str) -> str:
        return document if self._fair else ""
