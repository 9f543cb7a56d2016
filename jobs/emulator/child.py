"""The emulator as a child process: it ends with its parent, and a Ctrl-C in the terminal does not reach it."""

import asyncio
import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from jobs.errors import FREE_MEMORY, ProcessError, describe

if TYPE_CHECKING:  # it brings a web server along, which the parent has no use for
    from jobs.emulator.settings import EmulatorSettings

LISTENING = "listening "
_PATIENCE = 15.0
"""Seconds for the child to start, on a machine under load."""
_GOODBYE = 5.0
"""Seconds for it to end by itself."""


class ChildEmulator:
    """A running child. Its standard input is its life line: when that ends, by whatever death of ours, so does it."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self.url = url
        self._process = process

    @property
    def pid(self) -> int:
        """Of the child."""
        return self._process.pid

    async def stop(self) -> None:
        """Let it end, and wait for that."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), _GOODBYE)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


async def spawn(settings: "EmulatorSettings") -> ChildEmulator:
    """Start an emulator in a process of its own.

    Raises:
        ProcessError: it did not start.
    """
    # -P: a folder named `jobs` in the working directory must not be taken for ours.
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "jobs.emulator"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        reason, hint = describe(error)
        raise ProcessError(f"the emulator cannot be started: {reason}", hint) from error
    child = ChildEmulator(process, "")
    try:
        child.url = await asyncio.wait_for(_greeting(process, settings), _PATIENCE)
    except TimeoutError:
        await child.stop()
        raise ProcessError(f"the emulator did not start within {_PATIENCE:g} s", FREE_MEMORY) from None
    except BaseException:
        await child.stop()
        raise
    return child


async def _greeting(process: asyncio.subprocess.Process, settings: "EmulatorSettings") -> str:
    """Tell the child its settings; the URL that it answers with."""
    if process.stdin is None or process.stdout is None:
        raise ProcessError("the emulator has no pipes", FREE_MEMORY)
    process.stdin.write(json.dumps(asdict(settings)).encode() + b"\n")
    line = (await process.stdout.readline()).decode().strip()
    if not line.startswith(LISTENING):
        raise ProcessError(f"the emulator did not start: {line or 'it ended without a message'}", FREE_MEMORY)
    return line.removeprefix(LISTENING)
