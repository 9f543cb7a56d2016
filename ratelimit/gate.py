"""The only place that waits: FIFO for room in the quotas and for one of the places in flight."""

import asyncio
import math
from collections import deque

from ratelimit.quota import NOTHING, Cost, QuotaBook, Reservation

SHORTEST_TIMER = 0.001
"""Seconds; event loops keep time in milliseconds, and a shorter timer would spin."""


class GateClosedError(Exception):
    """No permit is given any more."""


class ExhaustedError(Exception):
    """Nothing in flight can give back what the next call needs: an allowance is spent."""


class Permit:
    """Leave to send one call: a reservation and a place in flight, given back together exactly once."""

    __slots__ = ("_gate", "_reservation")

    def __init__(self, gate: "Gate", reservation: Reservation) -> None:
        self._gate = gate
        self._reservation = reservation

    def settle(self, actual: Cost) -> None:
        """The call is over and used this much."""
        self._gate._give_back(self._reservation, actual)  # noqa: SLF001 (one mechanism in two classes)

    def keep(self) -> None:
        """The call is over, and what it used is unknown: all that was reserved."""
        self.settle(self._reservation.cost)

    def refund(self) -> None:
        """The call used nothing: it was refused or never sent."""
        self.settle(NOTHING)


class Gate:
    """Permits in FIFO order, each when the whole book has room and a place in flight is free.

    Strictly FIFO: a large call at the head is never overtaken, so it is never starved. Nothing polls: the head's
    waiting time is known and one timer is set for it; whatever gives back wakes the head at once.
    """

    def __init__(self, book: QuotaBook, places: int) -> None:
        self.book = book
        self.in_flight = 0
        self._places = places
        self._queue: deque[tuple[asyncio.Future[Permit], Cost]] = deque()
        self._not_before = -math.inf
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def waiting(self) -> int:
        """How many wait for a permit."""
        return sum(not waiter.done() for waiter, _ in self._queue)

    @property
    def places(self) -> int:
        """The most permits out at once; a change takes effect on those who already wait."""
        return self._places

    @places.setter
    def places(self, places: int) -> None:
        self._places = places
        self._admit()

    async def acquire(self, cost: Cost, *, first: bool = False) -> Permit:
        """Wait for leave to send a call of this cost; `first` goes to the head (a call that was refused).

        Raises:
            NeverFitsError: the cost is larger than a quota can ever hold.
            ExhaustedError: an allowance has not enough left, and nothing in flight will give some back.
            GateClosedError: the gate was closed.
        """
        if self._closed:
            raise GateClosedError
        waiter: asyncio.Future[Permit] = asyncio.get_running_loop().create_future()
        if first:
            self._queue.appendleft((waiter, cost))
        else:
            self._queue.append((waiter, cost))
        self._admit()
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                waiter.result().refund()
            self._admit()
            raise

    def pause(self, seconds: float) -> None:
        """Give no permit for this long; a longer pause that is already on stays."""
        self._not_before = max(self._not_before, asyncio.get_running_loop().time() + seconds)

    def close(self) -> None:
        """Give no permit any more: whoever waits, and whoever comes, gets GateClosedError."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        while self._queue:
            waiter, _ = self._queue.popleft()
            if not waiter.done():
                waiter.set_exception(GateClosedError())

    def _give_back(self, reservation: Reservation, actual: Cost) -> None:
        self.book.settle(asyncio.get_running_loop().time(), reservation, actual)
        self.in_flight -= 1
        self._admit()

    def _admit(self) -> None:
        """Give permits to the head of the queue as long as it fits, then set the timer for the next."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._queue:
            waiter, cost = self._queue[0]
            if waiter.done():
                self._queue.popleft()
                continue
            if self.in_flight >= self._places:
                return
            wait = self._wait(waiter, cost)
            if wait > 0.0:
                if wait < math.inf:
                    loop = waiter.get_loop()
                    self._timer = loop.call_later(max(wait, SHORTEST_TIMER), self._admit)
                return

    def _wait(self, waiter: asyncio.Future[Permit], cost: Cost) -> float:
        """Serve the head and return 0.0, or the seconds that it must still wait."""
        now = waiter.get_loop().time()
        if now < self._not_before:
            return self._not_before - now
        try:
            wait = self.book.wait(now, cost)
        except Exception as error:  # noqa: BLE001 (it belongs to whoever asked for this cost)
            waiter.set_exception(error)
            return 0.0
        if wait == math.inf and self.in_flight == 0:
            waiter.set_exception(ExhaustedError())
            return 0.0
        if wait == 0.0:
            self.in_flight += 1
            waiter.set_result(Permit(self, self.book.reserve(now, cost)))
        return wait
