"""From what is read to units that wait to be called: each section enters the record, durably, before its call."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass, replace
from functools import partial

from jobs.documents.parsing import Chunk
from jobs.pipeline import events
from jobs.pipeline.work_queue import Unit, WorkQueue
from jobs.record.protocol import AnswerCache, Disposition, Enrolment, Record, SectionEntry
from jobs.record.writer import Commit
from jobs.requests.cost import Meter
from jobs.requests.request import Request, RequestTemplate

CHUNKS = 16
"""Chunks whose entry into the record is not yet durable; their writes share transactions."""


@dataclass(frozen=True, slots=True)
class _Entered:
    chunk: Chunk
    requests: list[Request]
    enrolments: Awaitable[list[Enrolment]]


class Enroller:
    """Two stages: build the requests and ask the record for them; pass on those that are to be called."""

    def __init__(
        self,
        *,
        template: RequestTemplate,
        meter: Meter,
        commit: Commit,
        cache: AnswerCache,
        emit: events.Emit,
        work_queue: WorkQueue,
        sample: int | None,
    ) -> None:
        """`cache` is used inside operations of `commit` only; `sample` is a number of sections to stop after."""
        self._template, self._meter, self._commit, self._cache = template, meter, commit, cache
        self._emit, self._work_queue, self._sample = emit, work_queue, sample
        self._asked: asyncio.Queue[_Entered | None] = asyncio.Queue(CHUNKS)
        self.documents = self.sections = 0
        """Documents that were read to their end (or could not be), and sections, so far."""
        self.listed_all = False
        """Whether every input was met; until then, none is known to be gone."""

    @property
    def waiting(self) -> int:
        """Chunks whose entry is not yet durable."""
        return self._asked.qsize()

    async def enter(self, chunks: AsyncIterator[Chunk]) -> None:
        """Build the requests of each chunk and ask the record for them."""
        sample = self._sample
        while True:
            await self._work_queue.room()
            chunk = await anext(chunks, None)
            if chunk is None:
                break
            if sample is not None:
                chunk = _first(chunk, sample - self.sections)
            await self._enter(chunk)
            if sample is not None and self.sections >= sample:
                if not chunk.done:
                    self._emit(events.DocumentRead(chunk.document.path, "partial", 0, len(chunk.sections)))
                break
        self.listed_all = chunk is None
        await self._asked.put(None)

    async def _enter(self, chunk: Chunk) -> None:
        path = chunk.document.path
        requests = [self._template.build(path, section) for section in chunk.sections]
        entries = [
            SectionEntry(section.id, section.number, section.heading, section.location, request.key)
            for section, request in zip(chunk.sections, requests, strict=True)
        ]
        self._work_queue.expect(path, len(entries))
        enrolments = self._commit(partial(_enroll, chunk, entries, self._cache))
        await self._asked.put(_Entered(chunk, requests, enrolments))
        self.sections += len(entries)
        self.documents += chunk.done

    async def pass_on(self) -> None:
        """Pass on the units that are to be called, in order, once their entry is durable."""
        while (entered := await self._asked.get()) is not None:
            chunk, enrolments = entered.chunk, await entered.enrolments
            self._emit(_counted(enrolments))
            read = chunk.document
            if chunk.done:
                self._emit(events.DocumentRead(read.path, read.status, read.bytes, read.sections, read.error))
            units = []
            for section, request, enrolment in zip(chunk.sections, entered.requests, enrolments, strict=True):
                if enrolment.disposition is Disposition.NEW:
                    heading = section.heading[-1] if section.heading else ""
                    unit = Unit(enrolment.unit, request, read.path, heading)
                    units.append((unit, self._meter.tokens(request)))
            self._work_queue.add(read.path, len(enrolments), units, first=chunk.first)
        self._work_queue.end()


def _first(chunk: Chunk, sections: int) -> Chunk:
    """Of a chunk, so many sections; a document that is cut short is not read to its end."""
    if len(chunk.sections) <= sections:
        return chunk
    return replace(chunk, sections=chunk.sections[:sections], done=False)


def _enroll(chunk: Chunk, entries: list[SectionEntry], cache: AnswerCache, store: Record) -> list[Enrolment]:
    document = store.begin_document(chunk.document.path, chunk.position)
    enrolments = store.enroll(document, entries, cache) if entries else []
    if chunk.done:
        store.end_document(document, chunk.document)
    return enrolments


def _counted(enrolments: list[Enrolment]) -> events.Enrolled:
    counts = dict.fromkeys((str(disposition) for disposition in Disposition), 0)
    for enrolment in enrolments:
        counts[enrolment.disposition] += 1
    return events.Enrolled(**counts)
