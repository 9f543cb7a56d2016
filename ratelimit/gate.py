"""The only place that waits, in FIFO order: for the breaker, the quotas and the limit of calls in flight."""

import asyncio
import math
from collections import OrderedDict
from functools import cached_property

from ratelimit.breaker import Breaker, Judgement, Open, Ticket, Transition, TransitionListener, noop
from ratelimit.quota import NOTHING, Amounts, Cost, QuotaBook, Reservation

SHORTEST_TIMER = 0.001
"""Seconds; event loops keep time in milliseconds, and a shorter timer would spin."""


class GateClosedError(Exception):
    """No permit is given any more."""


class ExhaustedError(Exception):
    """Nothing in flight can give back what the next call needs: an allowance is spent."""


class OutageError(Exception):
    """The breaker is open, and the gate turns callers away meanwhile."""


class Permit:
    """Leave to send one call: a reservation, a breaker's ticket and a place in flight, given back once and together.

    Whichever way it is given back, `judgement` is what the call says of the service.
    """

    __slots__ = ("_gate", "reservation", "ticket")

    def __init__(self, gate: "Gate", reservation: Reservation, ticket: Ticket) -> None:
        self._gate = gate
        self.reservation = reservation
        self.ticket = ticket

    @property
    def probe(self) -> bool:
        """Whether a half-open breaker let it through, to find out whether the service is back."""
        return self.ticket.probe

    def settle(self, actual: Cost, judgement: Judgement) -> None:
        """The call is over and used this much."""
        now = self._gate.now()
        changed = self._gate.book.settle(now, self.reservation, actual)
        self._gate.give_back(now, self.ticket, judgement, changed=changed)

    def keep(self, judgement: Judgement) -> None:
        """The call is over, and what it used is unknown: all that was reserved."""
        self._gate.book.keep(self.reservation)
        self._gate.give_back(self._gate.now(), self.ticket, judgement, changed=False)

    def refund(self, judgement: Judgement) -> None:
        """The call used nothing: it was turned down for another reason than a quota, or never sent."""
        self.settle(NOTHING, judgement)

    def throttled(self, quota: str = "") -> bool:
        """The server throttled the call for this quota (see QuotaBook.throttle); whether a learner takes care of it."""
        now = self._gate.now()
        learned = self._gate.book.throttled(now, self.reservation, quota)
        self._gate.give_back(now, self.ticket, Judgement.NEUTRAL, changed=True)
        return learned


Waiters = OrderedDict["asyncio.Future[Permit]", Amounts]


class Gate:
    """Permits in FIFO order, each when the breaker lets a call through, the whole book has room and a place is free.

    Strictly FIFO: a large call at the head is never overtaken, so it is never starved; only calls that were sent
    before and come again go ahead, in FIFO order too. Nothing polls: the head's waiting time is known and one timer
    is set for it; whatever is given back, and every change of rule, has the head looked at anew.
    """

    def __init__(
        self, book: QuotaBook, max_in_flight: int, breaker: Breaker | None = None, *, turn_away: bool = False
    ) -> None:
        """`turn_away`: while the breaker is open nobody waits, and everybody gets OutageError."""
        self.book = book
        self.in_flight = 0
        self.breaker = breaker or Breaker()
        self.breaker.changed = self._breaker_changed
        self.on_transition: TransitionListener = noop
        """TransitionListener of each transition of the breaker, when the gate has done its part."""
        self._turn_away = turn_away
        self._max_in_flight = max_in_flight
        self._retries: Waiters = OrderedDict()
        self._queue: Waiters = OrderedDict()
        self._not_before = -math.inf
        self._timer: asyncio.Handle | None = None
        self._timer_due = math.inf
        """Remembered here: a timer of uvloop's that is due at once cannot tell."""
        self._time_alone = False
        """Whether all that keeps the head waiting is time: a place that is given back is nothing to it then."""
        self._closed = False

    @property
    def waiting(self) -> int:
        """How many wait for a permit."""
        return len(self._retries) + len(self._queue)

    @property
    def max_in_flight(self) -> int:
        """The most permits out at once; a change takes effect on those who already wait."""
        return self._max_in_flight

    @max_in_flight.setter
    def max_in_flight(self, max_in_flight: int) -> None:
        self._max_in_flight = max_in_flight
        self.look()

    @property
    def outage(self) -> bool:
        """Whether the breaker holds calls back, or lets only probes through."""
        return not self.breaker.closed

    def now(self) -> float:
        """Seconds, as the running loop counts them."""
        return self._loop.time()

    @cached_property
    def _loop(self) -> asyncio.AbstractEventLoop:
        """The one that runs."""
        return asyncio.get_running_loop()

    async def acquire(self, cost: Cost, *, is_retry: bool = False) -> Permit:
        """Wait for leave to send a call of this cost; `is_retry`: it was sent before, and keeps its place ahead.

        Raises:
            NeverFitsError: the cost is larger than a quota can ever hold.
            ExhaustedError: an allowance has not enough left, and nothing in flight will give some back.
            OutageError: the service is out, and the gate turns callers away.
            GateClosedError: the gate was closed.
        """
        if self._closed:
            raise GateClosedError
        amounts = self.book.amounts(cost)
        if self._turn_away and self.breaker.wait(self.now()) and isinstance(self.breaker.state, Open):
            raise OutageError
        waiter: asyncio.Future[Permit] = self._loop.create_future()
        ahead, queue = len(self._retries), self._retries if is_retry else self._queue
        queue[waiter] = amounts
        if not ahead and (is_retry or len(queue) == 1):  # else nothing has changed for the head
            self.look()
        try:
            return await waiter
        except asyncio.CancelledError:
            if queue.pop(waiter, None) is not None:
                self.look()  # it may have been the head
            elif not waiter.cancelled() and waiter.exception() is None:
                waiter.result().refund(Judgement.NEUTRAL)
            raise

    def pause(self, seconds: float) -> None:
        """Give no permit for this long; a longer pause that is already on stays."""
        self._not_before = max(self._not_before, self.now() + seconds)

    def may_start(self, permit: Permit) -> bool:
        """Whether a call that was let through before may still start: no pause, outage or end came between."""
        return not self._closed and self.now() >= self._not_before and self.breaker.valid(permit.ticket)

    def close(self) -> None:
        """Give no permit any more: whoever waits, and whoever comes, gets GateClosedError."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._send_away(GateClosedError)

    def give_back(self, now: float, ticket: Ticket, judgement: Judgement, *, changed: bool) -> None:
        """A permit's ticket and place; its reservation was settled, which may have changed the book."""
        self.in_flight -= 1
        self.breaker.leave(now, ticket, judgement)
        if changed or not self._time_alone:
            self._look(now)

    def look(self) -> None:
        """Look at the head anew: after a change of a rule or a rate that did not come through a permit."""
        self._look(self.now())

    def _look(self, now: float) -> None:
        """Give permits to the head as long as it fits, then set the timer."""
        while queue := self._retries or self._queue:
            waiter = next(iter(queue))
            if not waiter.done():
                wait = self._serve(now, waiter, queue[waiter])
                if wait > 0.0 and not waiter.done():
                    self._time_alone = wait < math.inf and self.breaker.closed
                    if wait < math.inf:
                        self._look_again(now + max(wait, SHORTEST_TIMER))
                    return
            queue.pop(waiter, None)

    def _serve(self, now: float, waiter: "asyncio.Future[Permit]", amounts: Amounts) -> float:
        """Give the head its permit (or what it gets instead) and return 0.0, or the seconds that it must still wait."""
        if self.in_flight >= self._max_in_flight:
            return math.inf
        if now < self._not_before:
            return self._not_before - now
        if wait := self.breaker.wait(now):
            return wait
        reservation = self.book.try_reserve(now, amounts)
        if isinstance(reservation, Reservation):
            self.in_flight += 1
            waiter.set_result(Permit(self, reservation, self.breaker.enter(now)))
            return 0.0
        if reservation == math.inf and self.in_flight == 0:
            waiter.set_exception(ExhaustedError())
            return 0.0
        return reservation

    def _look_again(self, due: float) -> None:
        """Set the timer, unless one that is set rings earlier: then that one looks, and sets the next."""
        if self._timer is not None:
            if self._timer_due <= due:
                return
            self._timer.cancel()
        self._timer_due = due
        self._timer = self._loop.call_at(due, self._ring)

    def _ring(self) -> None:
        self._timer = None
        try:
            self.look()
        except Exception as error:
            if not (queue := self._retries or self._queue):
                raise
            head, _ = queue.popitem(last=False)
            if not head.done():
                head.set_exception(error)

    def _breaker_changed(self, transition: Transition) -> None:
        self._time_alone = False
        if transition.new == "closed":
            self.book.resume(transition.at, transition.since)
        elif transition.new == "open" and self._turn_away:
            self._send_away(OutageError)
        self.on_transition(transition)

    def _send_away(self, error: type[Exception]) -> None:
        for queue in (self._retries, self._queue):
            for waiter in queue:
                if not waiter.done():
                    waiter.set_exception(error())
            queue.clear()
