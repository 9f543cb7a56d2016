"""The emulator as a child process: it ends with its parent, and ignores Ctrl-C in the terminal."""

import asyncio
import json
import signal
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from jobs.errors import FREE_MEMORY, ProcessError, describe

if TYPE_CHECKING:  # imports a web server, which the parent does not need
    from jobs.emulator.settings import EmulatorSettings

LISTENING = "listening "
_START_TIMEOUT, _STOP_TIMEOUT = 15.0, 5.0
"""Seconds for the child to start on a machine under load, and to exit before it is killed."""


class ChildEmulator:
    """A running child process. It exits when its stdin closes, which also happens when the parent is killed."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self.url = url
        self._process = process

    async def wait(self) -> str:
        """Wait until it ends by itself; returns how."""
        code = await self._process.wait()
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"

    async def stop(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), _STOP_TIMEOUT)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


async def spawn(settings: "EmulatorSettings") -> ChildEmulator:
    """Start an emulator in a child process; raises ProcessError if it does not start."""
    # -P: do not import a folder named `jobs` from the working directory.
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
        child.url = await asyncio.wait_for(_configure(process, settings), _START_TIMEOUT)
    except BaseException as error:
        await child.stop()
        if isinstance(error, TimeoutError):
            raise ProcessError(f"the emulator did not start within {_START_TIMEOUT:g} s", FREE_MEMORY) from None
        raise
    return child


async def _configure(process: asyncio.subprocess.Process, settings: "EmulatorSettings") -> str:
    if process.stdin is None or process.stdout is None:
        raise ProcessError("the emulator has no pipes", FREE_MEMORY)
    process.stdin.write(json.dumps(asdict(settings)).encode() + b"\n")
    line = (await process.stdout.readline()).decode().strip()
    if not line.startswith(LISTENING):
        raise ProcessError(f"the emulator did not start: {line or 'it exited without a message'}", FREE_MEMORY)
    return line.removeprefix(LISTENING)
