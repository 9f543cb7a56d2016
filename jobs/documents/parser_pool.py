"""Reads documents in child processes: in the order of the listing, past those of which no more is wanted for now."""

import asyncio
import json
import os
import signal
import sys
from collections import deque
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from itertools import islice
from typing import Protocol, cast

from jobs.documents.document import Document, Source
from jobs.documents.listing import FileRules, ListingNotes, find
from jobs.documents.parser_process import LENGTH, unpack
from jobs.documents.parsing import Chunk
from jobs.errors import FREE_MEMORY, ProcessError, describe

MEMORY = 2 << 30
"""Address space of a child, in bytes."""
PATIENCE = 60.0
"""Seconds in which a child must say something about a file."""
CHILDREN = 8
"""Most of them, each some 25 MB: all but one are with a document that is held up, the last one reads on.

More would be of no use: what waits of so many documents is all that may wait (jobs.pipeline.work_queue.UNITS).
"""
SMALL = 64 << 10
"""Bytes of a file that is never held up: the whole of it fits into memory, and files behind it need not wait."""

_LISTED = 128
"""Files listed at once, off the event loop."""
_AHEAD = 8
"""Files that a child knows of, so that it need not wait for the next."""
_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONUTF8", "TMPDIR")
"""What a child is given of it: credentials are no business of a process that parses foreign files."""


class Demand(Protocol):
    """What is wanted of the documents at the moment."""

    async def another(self) -> None:
        """Wait until one more document is wanted."""
        ...

    async def more(self, document: str) -> bool:
        """Whether more of a document is wanted; waits while that may change without any call."""
        ...

    async def drained(self, document: str) -> None:
        """Wait until more of a document is wanted."""
        ...


async def read(
    arguments: Sequence[str],
    rules: FileRules,
    max_tokens: int,
    demand: Demand,
    notes: ListingNotes | None = None,
) -> AsyncGenerator[Chunk, None]:
    """The sections of all files that the arguments mean, in constant memory.

    Documents come in the order of the listing, one after the other, but for those of which no more is wanted for the
    time being: then the ones behind them come, read by a further child. Those that go first (FileRules.first) are
    found by a listing of their own and read to their end before any other is begun.

    Every file ends with a chunk that is `done`, also one that cannot be read; no file ends the whole. Close the
    iterator (`contextlib.aclosing`) to end the children.

    Raises:
        ProcessError: a child process cannot be started.
    """
    settings = json.dumps([MEMORY, max_tokens, rules.max_file_size, rules.follow_symlinks])
    notes, early = notes or ListingNotes(), ListingNotes()
    children = [_Child(settings) for _ in range(CHILDREN)]  # none is started before it has a file to read
    try:
        for first in (True, False) if rules.first else (False,):
            listing = enumerate(find(arguments, rules, early if first else notes))
            lanes = _Lanes((found for found in listing if found[1].first == first), children, demand)
            async with aclosing(lanes.chunks()) as chunks:
                async for chunk in chunks:
                    yield chunk
        notes.unlisted += early.unlisted
    finally:
        early.ended = True
        for child in children:
            child.kill()
        for child in children:
            await child.gone()


class _Lanes:
    """One listing's documents, in lanes with a child each.

    One lane at a time begins documents. Where one is held up, the lane stays with it to its end, and another lane goes
    on with the listing.
    """

    def __init__(self, listing: "Iterator[tuple[int, Source]]", children: "list[_Child]", demand: Demand) -> None:
        self._listing: Iterator[tuple[int, Source]] | None = listing
        self._listed: deque[tuple[int, Source]] = deque()
        self._unused, self._demand = children[::-1], demand
        self._group = asyncio.TaskGroup()
        self._beginning = asyncio.Lock()
        self._idle = 0
        """Lanes that wait to begin documents."""
        self._out: asyncio.Queue[Chunk | Exception | None] = asyncio.Queue(_AHEAD)

    async def chunks(self) -> AsyncGenerator[Chunk, None]:
        """What the lanes bring."""
        reading = asyncio.create_task(self._read())
        try:
            while isinstance(item := await self._out.get(), Chunk):
                self._out.task_done()
                yield item
            if item is not None:
                raise item
        finally:
            reading.cancel()
            await asyncio.wait([reading])

    async def _read(self) -> None:
        """All lanes to their end, and how they ended."""
        ended = None
        try:
            async with self._group:
                self._open()
        except ExceptionGroup as failures:
            ended = failures.exceptions[0]
        await self._out.put(ended)

    def _open(self) -> None:
        self._group.create_task(self._lane(self._unused.pop()))

    async def _lane(self, child: "_Child") -> None:
        while True:
            self._idle += 1
            async with self._beginning:
                self._idle -= 1
                held = await self._begin(child)
            if held is None:
                return
            if not self._idle and self._unused:
                self._open()
            done = False
            while not done:
                await self._demand.drained(held[1].document)
                done = await self._pass_on(child, held)

    async def _begin(self, child: "_Child") -> tuple[int, Source] | None:
        """Read documents to their end, one after the other, until one is held up: it is returned."""
        known: deque[tuple[int, Source]] = deque()
        while True:
            await self._tell(child, known)
            if not known:
                return None
            found = known.popleft()
            position, source = found
            await self._demand.another()
            if source.refused:
                document = Document(source.document, status="unreadable", error=source.refused)
                await self._out.put(Chunk(document, [], True, position, source.first))
                continue
            while not await self._pass_on(child, found):
                if source.size > SMALL and not await self._demand.more(source.document):
                    return found

    async def _tell(self, child: "_Child", known: deque[tuple[int, Source]]) -> None:
        """Tell a child of files ahead, but of none behind one that may be held up."""
        while len(known) < _AHEAD and not any(source.size > SMALL for _, source in known):
            if not self._listed and self._listing:
                self._listed.extend(await asyncio.to_thread(_some, self._listing))
            if not self._listed:
                self._listing = None
                return
            known.append(self._listed.popleft())
            source = known[-1][1]
            if not source.refused:
                await child.ask(source)

    async def _pass_on(self, child: "_Child", found: tuple[int, Source]) -> bool:
        """The next chunk of a document; whether it was the last."""
        position, source = found
        chunk = await child.answer()
        await self._out.put(replace(chunk, position=position, first=source.first))
        if source.size > SMALL:
            await self._out.join()  # it is taken: the demand knows of it
        return chunk.done


def _some(listing: Iterator[tuple[int, Source]]) -> list[tuple[int, Source]]:
    return list(islice(listing, _LISTED))


class _Child:
    """A child process, replaced by a new one when it dies."""

    def __init__(self, settings: str) -> None:
        self.asked: deque[Source] = deque()
        """Files that it was told of and has not finished, in order."""
        self._settings = settings
        self._process: asyncio.subprocess.Process | None = None
        self._greeted = False
        self._so_far: Document | None = None

    async def ask(self, source: Source) -> None:
        """Tell it of one more file."""
        self.asked.append(source)
        if self._process is None:
            await self._start()
        else:
            self._tell(self._process, source)

    async def answer(self) -> Chunk:
        """The next chunk of the first of the files that it was told of."""
        process = self._process or await self._start()
        try:
            frame = await self._frame(process)
        except (TimeoutError, asyncio.IncompleteReadError) as error:
            so_far = self._so_far or Document(self.asked[0].document)
            reason = await self._end(process, hung=isinstance(error, TimeoutError))
            chunk = Chunk(replace(so_far, status="unreadable", error=reason), [], done=True)
        else:
            chunk = unpack(self.asked[0].document, frame)
        self._so_far = None if chunk.done else chunk.document
        if chunk.done:
            self.asked.popleft()
        return chunk

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    async def gone(self) -> None:
        """Wait until nothing is left of it, once it was killed."""
        if self._process is not None:
            await self._process.communicate()

    async def _start(self) -> asyncio.subprocess.Process:
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        try:
            # -P: a folder named `jobs` in the working directory must not be taken for ours.
            self._process = process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "jobs.documents.parser_process"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env=environment,
                start_new_session=True,
                limit=1 << 20,
            )
        except OSError as error:
            reason, hint = describe(error)
            raise ProcessError(f"the process that parses documents cannot be started: {reason}", hint) from error
        self._greeted = False
        cast("asyncio.StreamWriter", process.stdin).write(self._settings.encode() + b"\n")
        for source in self.asked:
            self._tell(process, source)
        return process

    def _tell(self, process: asyncio.subprocess.Process, source: Source) -> None:
        stdin = cast("asyncio.StreamWriter", process.stdin)
        if not stdin.is_closing():  # if it is, the next answer fails, and a new child is told
            stdin.write(json.dumps([source.path, source.document]).encode() + b"\n")

    async def _frame(self, process: asyncio.subprocess.Process) -> bytes:
        stdout = cast("asyncio.StreamReader", process.stdout)
        async with asyncio.timeout(PATIENCE):
            try:
                if not self._greeted:
                    await stdout.readexactly(LENGTH.size)
                    self._greeted = True
                (length,) = LENGTH.unpack(await stdout.readexactly(LENGTH.size))
                return await stdout.readexactly(length)
            except asyncio.IncompleteReadError:
                code = await process.wait()  # not killed: what it ended with would be lost
                if self._greeted:
                    raise
                raise ProcessError(
                    f"the process that parses documents does not start (exit code {code})", FREE_MEMORY
                ) from None

    async def _end(self, process: asyncio.subprocess.Process, *, hung: bool) -> str:
        """See it off; why it had to go."""
        self.kill()
        await self.gone()
        self._process = None
        if hung:
            return f"parsing it brought nothing for {PATIENCE:g} s; split it into smaller files, or exclude it"
        code = process.returncode or 0
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return f"parsing it ended the process that did it ({how}); exclude it, or save it in another format"
