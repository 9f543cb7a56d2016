"""Enrolls sections in the record and queues the units that need a call."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Sequence

from jobs.documents.parsing import Chunk
from jobs.pipeline import events
from jobs.pipeline.work_queue import Unit, WorkQueue
from jobs.record.protocol import Disposition, Enrolment, Record, SectionEntry
from jobs.requests import version_1
from jobs.requests.cost import Meter
from jobs.requests.request import Request, RequestTemplate

MAX_CHUNKS = 16
"""Chunks whose enrolment is not yet durable; their writes share transactions."""

_Enrolling = tuple[Chunk, list[Request], Awaitable[list[Enrolment]]]


class Enroller:
    """Two stages: `enroll` builds requests and writes them to the record, `queue` passes on the units to call."""

    def __init__(
        self,
        *,
        template: RequestTemplate,
        meter: Meter,
        record: Record,
        emit: events.Emit,
        work_queue: WorkQueue,
        version_1_limits: Sequence[int] = (),
    ) -> None:
        """`version_1_limits`: see Journal."""
        self._template, self._meter, self._record = template, meter, record
        self._emit, self._work_queue = emit, work_queue
        self._limits = version_1_limits
        self._enrolling: asyncio.Queue[_Enrolling | None] = asyncio.Queue(MAX_CHUNKS)
        self.documents = self.sections = 0
        """Documents read to their end (or unreadable), and sections read."""
        self.listed_all = False
        """Whether the listing is complete; until then no document counts as gone."""

    @property
    def waiting(self) -> int:
        """Chunks whose enrolment is not yet durable."""
        return self._enrolling.qsize()

    async def enroll(self, chunks: AsyncIterator[Chunk]) -> None:
        """First stage: enroll every chunk."""
        while True:
            await self._work_queue.room()
            chunk = await anext(chunks, None)
            if chunk is None:
                break
            await self._enroll(chunk)
        self.listed_all = True
        await self._enrolling.put(None)

    async def _enroll(self, chunk: Chunk) -> None:
        path = chunk.document.path
        requests = [self._template.build(path, section) for section in chunk.sections]
        entries = [
            SectionEntry(
                section.id, section.number, section.heading, section.location, request.key, section.text,
                version_1.keys(self._template, path, section, self._limits) if self._limits else (),
            )
            for section, request in zip(chunk.sections, requests, strict=True)
        ]  # fmt: skip
        self._work_queue.expect(path, len(entries))
        enrolments = self._record.enroll(chunk.document, chunk.position, entries, done=chunk.done)
        await self._enrolling.put((chunk, requests, enrolments))
        self.sections += len(entries)
        self.documents += chunk.done and not chunk.again

    async def queue(self) -> None:
        """Second stage: queue the units that need a call, in order, once their enrolment is durable."""
        while (enrolling := await self._enrolling.get()) is not None:
            chunk, requests, pending = enrolling
            enrolments = await pending
            self._emit(events.Enrolled(**Counter(str(enrolment.disposition) for enrolment in enrolments)))
            read = chunk.document
            if chunk.done and not chunk.again:
                self._emit(events.DocumentRead(read.path, read.status, read.bytes, read.sections, read.error))
            units = []
            for section, request, enrolment in zip(chunk.sections, requests, enrolments, strict=True):
                if enrolment.disposition is Disposition.NEW:
                    heading = section.heading[-1] if section.heading else ""
                    unit = Unit(enrolment.unit, request, read.path, heading)
                    units.append((unit, self._meter.tokens(request)))
            self._work_queue.add(read.path, len(enrolments), units, first=chunk.first)
        self._work_queue.end()
