"""An event loop whose clock jumps to the next timer instead of waiting for it.

Code that takes its time from the loop runs unchanged, minutes of it in a second, and always in the same way. What
would take real time is refused: executors and sockets (a thread's 50 ms would become an hour of virtual time).
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn, TypeVar

T = TypeVar("T")

TICK = 1e-9
"""Seconds that the clock moves at least for a timer: code that rounds its waking time up to `now` would spin."""
ROUNDS = 1000
"""Turns of the loop at one instant, after which the clock moves by a tick: a waking time may round to `now` itself."""


class DeadlockError(RuntimeError):
    """Every task waits and no timer is set; names the tasks and where they wait."""


class _Jump(selectors.DefaultSelector):
    """A selector that moves the loop's clock instead of waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self._rounds = 0
        self.stuck: Callable[[], NoReturn]

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            self.stuck()
        self._rounds = self._rounds + 1 if timeout <= 0 else 0
        if timeout > 0 or self._rounds > ROUNDS:
            self.now += max(timeout, TICK)
            self._rounds = 0
        return []


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time, starting at 0.0 seconds."""

    def __init__(self) -> None:
        self._jump = _Jump()
        self._jump.stuck = self._deadlock
        super().__init__(self._jump)
        self._clock_resolution = TICK

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._jump.now

    def run_in_executor(self, *_args: object, **_options: object) -> NoReturn:
        """Refused."""
        raise RuntimeError("no executors in virtual time: use what runs on the loop")

    async def create_connection(self, *_args: object, **_options: object) -> NoReturn:
        """Refused."""
        raise RuntimeError("no sockets in virtual time: use a simulated transport")

    async def create_server(self, *_args: object, **_options: object) -> NoReturn:
        """Refused."""
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
