"""The deadline of a call."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

LATE = 1.0
"""Seconds after which a timer's delay means that this process was stopped, or the machine asleep."""
GRACE = 5.0
"""Seconds to read what has arrived meanwhile."""


class Deadline:
    """Like `asyncio.timeout`, but it can be paused, and it never expires before what has arrived is read.

    An answer that lies in the socket when a stopped process continues would be paid for again.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._timeout = asyncio.timeout(None)
        self._loop = asyncio.get_running_loop()

    async def __aenter__(self) -> Self:
        await self._timeout.__aenter__()
        self._start(self._seconds)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._timer.cancel()
        await self._timeout.__aexit__(kind, error, traceback)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """The time in this block does not count."""
        left = self._at - self._loop.time()
        self._timer.cancel()
        try:
            yield
        finally:
            self._start(left)

    def _start(self, seconds: float) -> None:
        self._at = self._loop.time() + seconds
        self._timer = self._loop.call_at(self._at, self._expire)

    def _expire(self) -> None:
        if self._loop.time() - self._at > LATE:
            self._start(GRACE)
        else:
            self._timeout.reschedule(self._at)
