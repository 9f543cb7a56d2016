"""Reads documents in parser processes, in the order of the listing, except that a huge one does not block others."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncGenerator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Protocol

from jobs.documents.document import Document, Source
from jobs.documents.listing import FileRules, ListingState, list_files
from jobs.documents.parser_client import ParserClient
from jobs.documents.parsing import Chunk
from jobs.documents.sampling import Sampler, Take

MAX_MEMORY = 2 << 30
"""Address space of a parser process, in bytes."""
MAX_CPU = 30
"""Seconds of CPU to the next chunk: five times what the first one of 64 MB of HTML took when measured."""
MAX_PROCESSES = 8
"""Each takes some 25 MB. All but one may wait with a huge document, the last one continues the listing.

More would not help: their documents fill the work queue (jobs.pipeline.work_queue).
"""
SMALL_FILE = 64 << 10
"""Bytes up to which a file never waits: its sections fit into memory, and files behind it can follow."""

_LISTING_BATCH = 128
"""Files per step of the listing, which runs in a thread."""
_PREFETCH = 8
"""Files requested ahead of a parser process, so that it does not wait for the next."""


class Demand(Protocol):
    """How much should be read at the moment."""

    async def wait_for_document_slot(self) -> None:
        """Wait until another document may start."""
        ...

    async def wants_more(self, document: str) -> bool:
        """Whether more of a document should be read; first waits while that may change without a call."""
        ...

    async def wait_until_wanted(self, document: str) -> None:
        """Wait until more of a document should be read."""
        ...


async def read(
    arguments: Sequence[str],
    rules: FileRules,
    max_tokens: int,
    demand: Demand,
    state: ListingState | None = None,
    sample: int | None = None,
) -> AsyncGenerator[Chunk, None]:
    """The sections of all files named by the arguments, in constant memory.

    Documents come one after the other in the order of the listing. If no more of a document is wanted for now, another
    process reads the documents behind it. Files of FileRules.first come from a listing of their own and are complete
    before any other starts. With `sample` only so many sections are read (jobs.documents.sampling).

    Every file ends with a chunk that is `done`, also an unreadable one. Close the iterator (`contextlib.aclosing`) to
    end the processes.

    Raises:
        ProcessError: a parser process cannot be started.
    """
    settings = json.dumps([MAX_MEMORY, MAX_CPU, max_tokens, rules.max_file_size, rules.follow_symlinks])
    state, priority_state = state or ListingState(), ListingState()
    parsers = [ParserClient(settings) for _ in range(MAX_PROCESSES)]  # each starts with its first request
    try:
        if sample is not None:
            walk = partial(list_files, arguments, rules)
            survey = await asyncio.to_thread(_survey, enumerate(walk(state)), frozenset(arguments))
            # Later walks have another state: each counts the hidden files.
            chunks = _sampled(lambda: enumerate(walk(priority_state)), survey, sample, parsers, demand)
            async with aclosing(chunks):
                async for chunk in chunks:
                    yield chunk
            return
        for first in (True, False) if rules.first else (False,):
            listing = enumerate(list_files(arguments, rules, priority_state if first else state))
            chunks = _all((file for file in listing if file[1].first == first), parsers, demand)
            async with aclosing(chunks):
                async for chunk in chunks:
                    yield chunk
        state.unlisted += priority_state.unlisted
    finally:
        priority_state.cancelled = True
        for parser in parsers:
            parser.kill()
        for parser in parsers:
            await parser.wait_closed()


_File = tuple[int, Source]
"""A file with its position in the listing."""


async def _all(listing: Iterator[_File], parsers: list[ParserClient], demand: Demand) -> AsyncGenerator[Chunk, None]:
    async with aclosing(_Workers(listing, parsers, demand).chunks()) as chunks:
        async for chunk in chunks:
            yield chunk


async def _sampled(
    listed: Callable[[], Iterator[_File]],
    survey: tuple[int, set[int], list[_File]],
    size: int,
    parsers: list[ParserClient],
    demand: Demand,
) -> AsyncGenerator[Chunk, None]:
    """The sections of a sample.

    Files that cannot be opened are not in it, unless they are arguments themselves or there are no others.
    """
    readable, preferred, named = survey
    async for chunk in _all(listed() if not readable else iter(named), parsers, demand):
        yield chunk
    sampler = Sampler(size, readable, preferred)
    while takes := sampler.round():
        numbers: dict[int, int] = {}
        """Numbers of the documents by their position in the listing."""

        def chosen(takes: Mapping[int, Take] = takes, numbers: dict[int, int] = numbers) -> Iterator[_File]:
            files = (file for file in listed() if not file[1].unreadable_reason)
            for number, (position, source) in enumerate(files):
                if number in takes:
                    numbers[position] = number
                    yield position, replace(source, take=takes[number])

        async with aclosing(_all(chosen(), parsers, demand)) as chunks:
            async for chunk in chunks:
                number = numbers[chunk.position]
                sampler.took(number, len(chunk.sections), more=not chunk.done or chunk.document.status == "sampled")
                yield replace(chunk, again=takes[number].skip > 0)
                if chunk.done and not sampler.missing:
                    break


class _Workers:
    """Read the documents of one listing, each worker with a parser process.

    One worker at a time starts documents. If its document has to wait, the worker stays with it to its end, and another
    worker continues the listing.
    """

    def __init__(self, listing: Iterator[_File], parsers: list[ParserClient], demand: Demand) -> None:
        self._listing: Iterator[_File] | None = listing
        self._listed: deque[_File] = deque()
        self._unused, self._demand = parsers[::-1], demand
        self._group = asyncio.TaskGroup()
        self._starting_documents = asyncio.Lock()
        self._idle = 0
        """Workers that wait to start documents."""
        self._output: asyncio.Queue[Chunk | Exception | None] = asyncio.Queue(_PREFETCH)

    async def chunks(self) -> AsyncGenerator[Chunk, None]:
        running = asyncio.create_task(self._run())
        try:
            while isinstance(item := await self._output.get(), Chunk):
                self._output.task_done()
                yield item
            if item is not None:
                raise item
        finally:
            running.cancel()
            await asyncio.wait([running])

    async def _run(self) -> None:
        """Run all workers to their end, then put their first exception or None."""
        failure = None
        try:
            async with self._group:
                self._start_worker()
        except ExceptionGroup as failures:
            failure = failures.exceptions[0]
        await self._output.put(failure)

    def _start_worker(self) -> None:
        self._group.create_task(self._work(self._unused.pop()))

    async def _work(self, parser: ParserClient) -> None:
        while True:
            self._idle += 1
            async with self._starting_documents:
                self._idle -= 1
                waiting = await self._read_until_one_waits(parser)
            if waiting is None:
                return
            if not self._idle and self._unused:
                self._start_worker()
            done = False
            while not done:
                await self._demand.wait_until_wanted(waiting[1].document)
                done = await self._forward_chunk(parser, waiting)

    async def _read_until_one_waits(self, parser: ParserClient) -> _File | None:
        """Read documents to their end until one has to wait, which is returned; None at the end of the listing."""
        requested: deque[_File] = deque()
        while True:
            await self._request_ahead(parser, requested)
            if not requested:
                return None
            file = requested.popleft()
            position, source = file
            await self._demand.wait_for_document_slot()
            if source.unreadable_reason:
                document = Document(source.document, status="unreadable", error=source.unreadable_reason)
                await self._output.put(Chunk(document, [], True, position, source.first))
                continue
            while not await self._forward_chunk(parser, file):
                if source.size > SMALL_FILE and not await self._demand.wants_more(source.document):
                    return file

    async def _request_ahead(self, parser: ParserClient, requested: deque[_File]) -> None:
        """Request files ahead of time, but none behind one that may have to wait."""
        while len(requested) < _PREFETCH and not any(source.size > SMALL_FILE for _, source in requested):
            if not self._listed and self._listing:
                self._listed.extend(await asyncio.to_thread(_next_batch, self._listing))
            if not self._listed:
                self._listing = None
                return
            requested.append(self._listed.popleft())
            source = requested[-1][1]
            if not source.unreadable_reason:
                await parser.request(source)

    async def _forward_chunk(self, parser: ParserClient, file: _File) -> bool:
        """Put the next chunk of a document; returns whether it was the last."""
        position, source = file
        chunk = await parser.next_chunk()
        await self._output.put(replace(chunk, position=position, first=source.first))
        if source.size > SMALL_FILE:
            await self._output.join()  # the demand counts a chunk once it is taken
        return chunk.done


def _next_batch(listing: Iterator[_File]) -> list[_File]:
    return list(islice(listing, _LISTING_BATCH))


def _survey(listing: Iterator[_File], arguments: Collection[str]) -> tuple[int, set[int], list[_File]]:
    """The number of readable files, which of them go first, and the arguments that cannot be opened."""
    readable, preferred, named = 0, set(), []
    for file in listing:
        source = file[1]
        if not source.unreadable_reason:
            if source.first:
                preferred.add(readable)
            readable += 1
        elif source.path in arguments:
            named.append(file)
    return readable, preferred, named
