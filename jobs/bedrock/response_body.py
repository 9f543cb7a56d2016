"""Reads the bodies of responses within one budget of memory for all calls."""

import asyncio
from collections.abc import Callable

import aiohttp

from jobs.bedrock.connection_errors import ResponseTooLarge
from jobs.bedrock.deadline import Deadline
from jobs.requests.reply import nothing

MAX_BYTES = 32 * 1024 * 1024
"""Some hundred times the longest answer of today's models (128k tokens)."""
LARGE_BYTES = 256 * 1024
"""Above this, a body needs a slot."""
SLOTS = 4
"""Large bodies in memory at once. A body with a slot never waits again, so the others cannot wait for ever."""


class BodyReader:
    """Of calls with large responses, all but a few wait, and their servers with them. Their deadlines wait too."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(SLOTS)

    async def read(self, response: aiohttp.ClientResponse, deadline: Deadline) -> tuple[bytes, Callable[[], None]]:
        """The body, and what to call once it is no longer in memory.

        Raises:
            ResponseTooLarge: it has more than MAX_BYTES.
        """
        _check(response.content_length or 0)
        chunks, size, release = [], 0, nothing
        try:
            async for chunk in response.content.iter_any():
                chunks.append(chunk)
                size += len(chunk)
                _check(size)
                if size > LARGE_BYTES and release is nothing:
                    with deadline.paused():
                        await self._slots.acquire()
                    release = self._slots.release
            return b"".join(chunks), release
        except BaseException:
            release()
            raise


def _check(size: int) -> None:
    if size > MAX_BYTES:
        raise ResponseTooLarge(f"the response has more than {MAX_BYTES} bytes")
