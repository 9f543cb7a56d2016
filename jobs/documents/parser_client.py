"""The parent's side of a parser process (jobs.documents.parser_process)."""

import asyncio
import json
import os
import signal
import sys
from collections import deque
from dataclasses import replace
from typing import cast

from jobs.documents.document import Document, Source
from jobs.documents.parser_process import LENGTH, unpack
from jobs.documents.parsing import Chunk
from jobs.errors import FREE_MEMORY, ProcessError, describe

TIMEOUT = 60.0
"""Seconds to the next chunk after which a parser process is killed."""

_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONUTF8", "TMPDIR")
"""The variables that a parser process inherits: it parses foreign files and must not have credentials."""


class ParserClient:
    """A parser process, started on the first request and replaced when it dies."""

    def __init__(self, settings: str) -> None:
        """`settings` is the first line of its input."""
        self._settings = settings
        self._requested: deque[Source] = deque()
        """Files that were requested and are not done, in order."""
        self._process: asyncio.subprocess.Process | None = None
        self._started = False
        self._failed_starts = 0
        """In a row."""
        self._partial: Document | None = None
        """The first requested file as far as it has been read."""

    async def request(self, source: Source) -> None:
        self._requested.append(source)
        if self._process is None:
            await self._start()
        else:
            self._send(self._process, source)

    async def next_chunk(self) -> Chunk:
        """The next chunk of the first requested file that is not done. A crash or a timeout ends that file.

        Raises:
            ProcessError: the process cannot be started.
        """
        process = self._process or await self._start()
        document = self._requested[0].document
        try:
            chunk = unpack(document, await self._frame(process))
        except ProcessError:
            if self._failed_starts > 1:
                raise
            self._process = None  # no document can be the reason: start another one
            return await self.next_chunk()
        except (TimeoutError, asyncio.IncompleteReadError) as error:
            reason = await self._end(process, timeout=isinstance(error, TimeoutError))
            partial = self._partial or Document(document)
            chunk = Chunk(replace(partial, status="unreadable", error=reason), [], done=True)
        self._partial = None if chunk.done else chunk.document
        if chunk.done:
            self._requested.popleft()
        return chunk

    def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    async def wait_closed(self) -> None:
        """Wait for the end of a killed process."""
        if self._process is not None:
            await self._process.communicate()

    async def _start(self) -> asyncio.subprocess.Process:
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        try:
            # -P: a folder named `jobs` in the working directory must not be imported.
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
            raise ProcessError(f"the parser process cannot be started: {reason}", hint) from error
        self._started = False
        _write(process, self._settings)
        for source in self._requested:
            self._send(process, source)
        return process

    def _send(self, process: asyncio.subprocess.Process, source: Source) -> None:
        _write(process, json.dumps([source.path, source.document, source.take]))

    async def _frame(self, process: asyncio.subprocess.Process) -> bytes:
        stdout = cast("asyncio.StreamReader", process.stdout)
        async with asyncio.timeout(TIMEOUT):
            try:
                if not self._started:
                    await stdout.readexactly(LENGTH.size)
                    self._started, self._failed_starts = True, 0
                (length,) = LENGTH.unpack(await stdout.readexactly(LENGTH.size))
                return await stdout.readexactly(length)
            except asyncio.IncompleteReadError:
                code = await process.wait()  # killing it first would hide its exit code
                if self._started:
                    raise
                self._failed_starts += 1
                raise ProcessError(f"the parser process does not start ({_how(code)})", FREE_MEMORY) from None

    async def _end(self, process: asyncio.subprocess.Process, *, timeout: bool) -> str:
        """Kill the process; returns the error for the file that it was parsing."""
        self.kill()
        await self.wait_closed()
        self._process = None
        if timeout:
            return f"the parser made no progress for {TIMEOUT:g} s; split it into smaller files, or exclude it"
        code = process.returncode or 0
        if code == -signal.SIGXCPU:
            return "it takes too much CPU time to parse; split it into smaller files, or exclude it"
        return f"the parser process crashed ({_how(code)}); exclude it, or save it in another format"


def _write(process: asyncio.subprocess.Process, line: str) -> None:
    stdin = cast("asyncio.StreamWriter", process.stdin)
    if not stdin.is_closing():  # if it is, the next read fails and the next process gets the line
        stdin.write(line.encode() + b"\n")


def _how(code: int) -> str:
    """How a process ended."""
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"
