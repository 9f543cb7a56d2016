"""The emulator as a child process: it ends with its parent, and ignores Ctrl-C in the terminal."""

import asyncio
import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # imports a web server, which the parent does not need
    from jobs.emulator.settings import EmulatorSettings

LISTENING = "listening "
_START_TIMEOUT = 15.0
"""Seconds for the child to start, on a machine under load."""
_STOP_TIMEOUT = 5.0
"""Seconds for the child to exit before it is killed."""


class EmulatorError(Exception):
    """The emulator did not start; says why."""


class ChildEmulator:
    """A running child process. It exits when its stdin closes, which also happens when the parent is killed."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self.url = url
        self._process = process

    async def stop(self) -> None:
        """Close the child's stdin and wait for its exit."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), _STOP_TIMEOUT)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


async def spawn(settings: "EmulatorSettings") -> ChildEmulator:
    """Start an emulator in a child process.

    Raises:
        EmulatorError: it did not start.
    """
    # -P: do not import a folder named `jobs` from the working directory.
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "jobs.emulator",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    child = ChildEmulator(process, "")
    try:
        child.url = await asyncio.wait_for(_configure(process, settings), _START_TIMEOUT)
    except TimeoutError:
        await child.stop()
        raise EmulatorError(f"the emulator did not start within {_START_TIMEOUT:g} s") from None
    except BaseException:
        await child.stop()
        raise
    return child


async def _configure(process: asyncio.subprocess.Process, settings: "EmulatorSettings") -> str:
    """Send the settings; return the URL from the reply."""
    if process.stdin is None or process.stdout is None:
        raise EmulatorError("the emulator has no pipes")
    process.stdin.write(json.dumps(asdict(settings)).encode() + b"\n")
    line = (await process.stdout.readline()).decode().strip()
    if not line.startswith(LISTENING):
        raise EmulatorError(f"the emulator did not start: {line or 'it exited without a message'}")
    return line.removeprefix(LISTENING)
