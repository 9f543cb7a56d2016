"""The only place where calls wait: for the breaker, the quotas and a slot in flight, in FIFO order."""

import asyncio
import math
from collections import OrderedDict
from functools import cached_property

from ratelimit.breaker import Breaker, Judgement, Open, Ticket, Transition, TransitionListener, noop
from ratelimit.errors import ExhaustedError, GateClosedError, OutageError
from ratelimit.quota_book import NOTHING, Amounts, Cost, QuotaBook, Reservation

MIN_TIMER = 0.001
"""Seconds; event loops keep time in milliseconds, and a shorter timer would spin."""


class Permit:
    """Leave to send one call: a reservation, a breaker ticket and a slot in flight, returned together and once.

    Each method that returns it takes the judgement of the service by this call.
    """

    __slots__ = ("_gate", "reservation", "ticket")

    def __init__(self, gate: "Gate", reservation: Reservation, ticket: Ticket) -> None:
        self._gate = gate
        self.reservation = reservation
        self.ticket = ticket

    @property
    def probe(self) -> bool:
        """Whether the call is a probe of a half-open breaker."""
        return self.ticket.probe

    def settle(self, actual: Cost, judgement: Judgement) -> None:
        """The call ended and used `actual`."""
        now = self._gate.now()
        changed = self._gate.book.settle(now, self.reservation, actual)
        self._gate.give_back(now, self.ticket, judgement, changed=changed)

    def keep(self, judgement: Judgement) -> None:
        """The call ended with unknown use: its whole reservation counts as used."""
        self._gate.book.keep(self.reservation)
        self._gate.give_back(self._gate.now(), self.ticket, judgement, changed=False)

    def refund(self, judgement: Judgement) -> None:
        """The call used nothing: it was never sent, or rejected for another reason than a quota."""
        self.settle(NOTHING, judgement)

    def throttled(self, quota: str = "") -> bool:
        """The server throttled the call for this quota (see QuotaBook.throttled); whether a learner handles it."""
        now = self._gate.now()
        learned = self._gate.book.throttled(now, self.reservation, quota)
        self._gate.give_back(now, self.ticket, Judgement.NEUTRAL, changed=True)
        return learned


Waiters = OrderedDict["asyncio.Future[Permit]", Amounts]


class Gate:
    """Grants permits in FIFO order, when the breaker lets a call through, all quotas have room and a slot is free.

    A large call at the head of the queue is never overtaken, so it is never starved; only retries go ahead of it, in
    FIFO order too. Nothing polls: one timer is set for the head's waiting time, and every release or rule change
    re-evaluates the head.
    """

    def __init__(
        self, book: QuotaBook, max_in_flight: int, breaker: Breaker | None = None, *, turn_away: bool = False
    ) -> None:
        """`turn_away`: while the breaker is open, `acquire` raises OutageError instead of waiting."""
        self.book = book
        self.in_flight = 0
        self.breaker = breaker or Breaker()
        self.breaker.changed = self._breaker_changed
        self.on_transition: TransitionListener = noop
        """Called after each transition of the breaker, when the gate has handled it."""
        self._turn_away = turn_away
        self._max_in_flight = max_in_flight
        self._retries: Waiters = OrderedDict()
        self._queue: Waiters = OrderedDict()
        self._not_before = -math.inf
        self._timer: asyncio.Handle | None = None
        self._timer_due = math.inf
        """Kept here because a timer of uvloop that is due at once has no `when()`."""
        self._time_alone = False
        """Whether the head waits for time alone, so that a returned slot makes no difference."""
        self._closed = False

    @property
    def waiting(self) -> int:
        return len(self._retries) + len(self._queue)

    @property
    def max_in_flight(self) -> int:
        """Most permits in use at once; a change takes effect for waiting calls too."""
        return self._max_in_flight

    @max_in_flight.setter
    def max_in_flight(self, max_in_flight: int) -> None:
        self._max_in_flight = max_in_flight
        self.look()

    @property
    def outage(self) -> bool:
        """Whether the breaker is open or half-open."""
        return not self.breaker.closed

    def now(self) -> float:
        """Seconds on the clock of the running loop."""
        return self._loop.time()

    @cached_property
    def _loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    async def acquire(self, cost: Cost, *, is_retry: bool = False) -> Permit:
        """Wait for a permit to send a call of this cost; retries go ahead of first calls.

        Raises:
            NeverFitsError: the cost is larger than a quota can ever hold.
            ExhaustedError: a budget is spent, and no call in flight can give any of it back.
            OutageError: the breaker is open, and the gate was created with `turn_away`.
            GateClosedError: the gate is closed.
        """
        if self._closed:
            raise GateClosedError
        amounts = self.book.amounts(cost)
        if self._turn_away and self.breaker.wait(self.now()) and isinstance(self.breaker.state, Open):
            raise OutageError
        waiter: asyncio.Future[Permit] = self._loop.create_future()
        ahead, queue = len(self._retries), self._retries if is_retry else self._queue
        queue[waiter] = amounts
        if not ahead and (is_retry or len(queue) == 1):  # a new head
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
        """Grant no permit for this long; does not shorten a pause that is already on."""
        self._not_before = max(self._not_before, self.now() + seconds)

    def may_start(self, permit: Permit) -> bool:
        """Whether a granted call may still start: no pause, outage or close came in between."""
        return not self._closed and self.now() >= self._not_before and self.breaker.valid(permit.ticket)

    def close(self) -> None:
        """Grant no more permits: waiting and later calls get GateClosedError."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._fail_waiters(GateClosedError)

    def give_back(self, now: float, ticket: Ticket, judgement: Judgement, *, changed: bool) -> None:
        """Return the ticket and slot of a permit. `changed`: settling its reservation changed the book."""
        self.in_flight -= 1
        self.breaker.leave(now, ticket, judgement)
        if changed or not self._time_alone:
            self._look(now)

    def look(self) -> None:
        """Re-evaluate the head, after a change of a rule or a rate outside the gate."""
        self._look(self.now())

    def _look(self, now: float) -> None:
        """Grant permits to the head while it fits, then set the timer."""
        while queue := self._retries or self._queue:
            waiter = next(iter(queue))
            if not waiter.done():
                wait = self._serve(now, waiter, queue[waiter])
                if wait > 0.0 and not waiter.done():
                    self._time_alone = wait < math.inf and self.breaker.closed
                    if wait < math.inf:
                        self._set_timer(now + max(wait, MIN_TIMER))
                    return
            queue.pop(waiter, None)

    def _serve(self, now: float, waiter: "asyncio.Future[Permit]", amounts: Amounts) -> float:
        """Resolve the head's future and return 0.0, or return the seconds that it must still wait."""
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

    def _set_timer(self, due: float) -> None:
        """Set the timer, unless an earlier one is set: that one sets the next."""
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
            self._fail_waiters(OutageError)
        self.on_transition(transition)

    def _fail_waiters(self, error: type[Exception]) -> None:
        for queue in (self._retries, self._queue):
            for waiter in queue:
                if not waiter.done():
                    waiter.set_exception(error())
            queue.clear()
