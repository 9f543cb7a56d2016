"""An event loop whose clock jumps to the next timer instead of waiting for it.

Code that takes its time from the loop runs unchanged and deterministically, minutes of it in a second. Executors and
sockets raise RuntimeError: they take real time, and a thread's 50 ms could become an hour of virtual time.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from contextvars import Context, copy_context
from itertools import count
from typing import Any, NoReturn, TypeVar, TypeVarTuple

from ratelimit.errors import DeadlockError

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

TICK = 1e-9
"""Seconds by which the clock moves at least for a timer; a wake-up time that rounds to `now` would spin."""
TURNS = 1000
"""Turns of the loop at one instant after which the clock moves by a tick, for the same reason."""


class _Handle(asyncio.TimerHandle):
    """A callback. Keeps nothing for the loop's debug mode, which in asyncio's own handle costs as much as the call."""

    __slots__ = ()
    _repr = _source_traceback = None

    def __init__(
        self,
        when: float,
        callback: Callable[..., object],
        args: Sequence[Any],
        context: Context | None,
    ) -> None:
        self._when, self._callback, self._args = when, callback, args
        self._context = context or copy_context()
        self._cancelled = False

    def cancel(self) -> None:
        self._cancelled = True
        self._args = ()

    def run(self) -> None:
        if not self._cancelled:
            self._context.run(self._callback, *self._args)


class VirtualTimeLoop(asyncio.BaseEventLoop):
    """An event loop in virtual time, starting at 0.0 seconds.

    Callbacks due at the same time run in the order in which they were scheduled. A cancelled timer is dropped when its
    time comes.
    """

    _stopping: bool

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._turns = 0
        self._soon: deque[_Handle] = deque()
        self._timers: list[tuple[float, int, _Handle]] = []
        """A heap by time, then by number."""
        self._numbers = count()

    def time(self) -> float:
        """Virtual seconds since the loop was created."""
        return self._now

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        handle = _Handle(self._now, callback, args, context)
        self._soon.append(handle)
        return handle

    call_soon_threadsafe = call_soon
    """For interrupts; there are no threads."""

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        timer = _Handle(when, callback, args, context)
        heapq.heappush(self._timers, (when, next(self._numbers), timer))
        return timer

    def _run_once(self) -> None:
        """Run until stopped. `run_forever` calls it; one iteration of its loop is a turn."""
        soon, timers = self._soon, self._timers
        while True:
            self._turns += 1
            ahead = 0.0 if soon or self._stopping else self._ahead()
            if ahead > 0.0 or self._turns > TURNS:
                self._now += max(ahead, TICK)
                self._turns = 0
            due = self._now + TICK
            while timers and timers[0][0] < due:
                soon.append(heapq.heappop(timers)[2])
            for _ in range(len(soon)):  # callbacks added meanwhile are for the next turn
                handle = soon.popleft()
                try:
                    handle.run()
                except (SystemExit, KeyboardInterrupt):
                    raise
                except BaseException as error:  # noqa: BLE001 (as asyncio does)
                    context = {"message": f"Exception in {handle}", "exception": error, "handle": handle}
                    self.call_exception_handler(context)
            if self._stopping:
                break

    def _ahead(self) -> float:
        """Seconds until the next timer."""
        timers = self._timers
        while timers and timers[0][2].cancelled():
            heapq.heappop(timers)
        return timers[0][0] - self._now if timers else self._deadlock()

    def run_in_executor(self, *_args: object, **_options: object) -> NoReturn:
        raise RuntimeError("no executors in virtual time: run the code on the loop")

    async def create_connection(self, *_args: object, **_options: object) -> NoReturn:
        raise RuntimeError("no sockets in virtual time: use a simulated transport")

    async def create_server(self, *_args: object, **_options: object) -> NoReturn:
        raise RuntimeError("no sockets in virtual time: use a simulated transport")

    def _deadlock(self) -> NoReturn:
        waits = []
        for task in asyncio.all_tasks(self):
            frames = task.get_stack(limit=1)
            place = f"{frames[-1].f_code.co_qualname}:{frames[-1].f_lineno}" if frames else "its end"
            waits.append(f"{task.get_name()} waits in {place}")
        raise DeadlockError(f"every task is waiting and no timer is set: {'; '.join(sorted(waits)) or 'no tasks'}")


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in virtual time."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)
