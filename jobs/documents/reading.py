"""Reads documents in child processes, and hands on their sections in the order of the listing."""

import asyncio
import json
import os
import signal
import sys
from collections import deque
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import cast

from jobs.documents.child import LENGTH, unpack
from jobs.documents.document import Document, Source
from jobs.documents.intake import IntakeRules, ListingNotes, find
from jobs.documents.parsing import Chunk

MEMORY = 2 << 30
"""Address space of a child, in bytes."""
PATIENCE = 60.0
"""Seconds in which a child must say something about a file."""

_LISTED = 128
"""Files listed at once, off the event loop."""
_AHEAD = 8
"""Files that a child knows of, so that it need not wait for the next."""
_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONUTF8", "TMPDIR")
"""What a child is given of it: credentials are no business of a process that parses foreign files."""


async def read(
    arguments: Sequence[str],
    rules: IntakeRules,
    max_tokens: int,
    *,
    children: int = 1,
    notes: ListingNotes | None = None,
) -> AsyncGenerator[Chunk, None]:
    """The sections of all files that the arguments mean, in the order of the listing, in constant memory.

    Every file ends with a chunk that is `done`, also one that cannot be read; no file ends the whole. Close the
    iterator (`contextlib.aclosing`) to end the children.

    Raises:
        ChildError: a child process cannot be started.
    """
    settings = json.dumps([MEMORY, max_tokens, rules.max_file_size, rules.follow_symlinks])
    crew = [_Child(settings) for _ in range(children)]
    listing: Iterator[Source] | None = find(arguments, rules, notes)
    listed: deque[Source] = deque()
    waiting: deque[tuple[Source, _Child]] = deque()
    try:
        while True:
            while listing and len(listed) < _AHEAD * children:
                more = await asyncio.to_thread(_some, listing)
                listed.extend(more)
                listing = listing if more else None
            while listed and len(waiting) < _AHEAD * children:
                child = min(crew, key=lambda child: len(child.asked))
                waiting.append((listed[0], child))
                if not listed[0].refused:
                    await child.ask(listed[0])
                listed.popleft()
            if not waiting:
                return
            source, child = waiting.popleft()
            if source.refused:
                yield Chunk(Document(source.document, status="unreadable", error=source.refused), [], done=True)
                continue
            while not (chunk := await child.answer()).done:
                yield chunk
            yield chunk
    finally:
        for child in crew:
            child.kill()
        for child in crew:
            await child.gone()


def _some(listing: Iterator[Source]) -> list[Source]:
    return list(islice(listing, _LISTED))


class ChildError(Exception):
    """A child process cannot be started; says why."""


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
                *(sys.executable, "-P", "-m", "jobs.documents.child"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env=environment,
                start_new_session=True,
                limit=1 << 20,
            )
        except OSError as error:
            raise ChildError(f"the process that parses documents cannot be started: {error.strerror}") from error
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
            if not self._greeted:
                try:
                    await stdout.readexactly(LENGTH.size)
                except asyncio.IncompleteReadError:
                    code = await process.wait()
                    raise ChildError(f"the process that parses documents does not start (exit code {code})") from None
                self._greeted = True
            (length,) = LENGTH.unpack(await stdout.readexactly(LENGTH.size))
            return await stdout.readexactly(length)

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
