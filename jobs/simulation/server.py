"""The simulated Bedrock: admits or throttles calls with the emulator's quotas and records each of them (pure)."""

import heapq
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from jobs.emulator.quotas import Quotas
from jobs.simulation.ledger import UNAVAILABLE, ServerLedger
from jobs.simulation.rng import Rng
from jobs.simulation.scenario import MINUTE, QuotaChange, Scenario, Tenant
from ratelimit.algorithms.token_bucket import TokenBucket
from ratelimit.quota_book import Dimension, Reservation

MODEL = "simulated"

_Event = tuple[float, Callable[[float], None]]
"""A time in seconds, and what happens then."""


class Admitted(NamedTuple):
    row: int
    """In the ledger."""
    reservation: Reservation


class SimulatedBedrock:
    """The server of a scenario and its ledger. `now` is seconds since the start and never runs backwards."""

    def __init__(self, scenario: Scenario) -> None:
        self.calls = ServerLedger()
        """The client's calls in order of arrival."""
        self.tenant_calls = ServerLedger()
        drawn = MINUTE * Rng(scenario.seed, "phase").uniform()
        self.phase = drawn if scenario.phase is None else scenario.phase
        """Seconds into the minute on the server's clock at the start."""
        self._clock_offset = self.phase if scenario.rules.refill == "fixed" else 0.0
        self._scenario = scenario
        self._quotas = Quotas(scenario.rules)
        self._factor = 1.0
        self.answered = 0
        """Calls of the client that ended with an answer."""
        self.now = 0.0
        changes: Iterator[_Event] = ((change.at, partial(self._change, change)) for change in scenario.changes)
        calls = (self._tenant_calls(number, tenant) for number, tenant in enumerate(scenario.tenants))
        self._events = heapq.merge(changes, *calls, key=lambda event: event[0])
        self._next = next(self._events, None)

    def admit(self, now: float, unit: int, sent: float, input_tokens: int, max_tokens: int) -> Admitted | str:
        """Receive a call for a unit; returns one of jobs.simulation.ledger.ERRORS if it is not admitted."""
        self.advance(now)
        if self._scenario.outages and self._scenario.is_out(now):
            self.calls.add(unit, sent, now, UNAVAILABLE)
            return UNAVAILABLE
        reservation = self._quotas.reserve(now + self._clock_offset, MODEL, input_tokens, max_tokens)
        if isinstance(reservation, str):
            self.calls.add(unit, sent, now, reservation)
            return reservation
        tokens = input_tokens + max_tokens
        return Admitted(self.calls.add(unit, sent, now, "", tokens, tokens), reservation)

    def settle(self, now: float, call: Admitted, input_tokens: int, output_tokens: int) -> None:
        """End a call and correct its reservation to the tokens used; raises RuntimeError the second time."""
        self.advance(now)
        self._quotas.settle(now + self._clock_offset, MODEL, call.reservation, input_tokens, output_tokens)
        self.answered += 1
        self.calls.settle(call.row, input_tokens + output_tokens * self._scenario.rules.burndown, now)

    def advance(self, now: float) -> None:
        """Apply the tenants' calls and the quota changes up to `now`."""
        self.now = now
        while self._next is not None and self._next[0] <= now:
            at, apply = self._next
            apply(at)
            self._next = next(self._events, None)

    def _tenant_calls(self, number: int, tenant: Tenant) -> Iterator[_Event]:
        rng, jitter = Rng(self._scenario.seed, f"tenant {number}"), self._scenario.timing.uplink
        call, interval = partial(self._tenant_call, tenant), MINUTE / tenant.rpm
        arrival = at = tenant.start + rng.uniform() * interval
        while at < tenant.end:
            arrival = max(arrival, at + rng.between(*jitter))
            yield arrival, call
            at += interval

    def _tenant_call(self, tenant: Tenant, now: float) -> None:
        reservation = self._quotas.reserve(now + self._clock_offset, MODEL, tenant.tokens, 0)
        if isinstance(reservation, str):
            self.tenant_calls.add(-1, now, now, reservation)
        else:
            self.tenant_calls.add(-1, now, now, "", tenant.tokens, tenant.tokens, now)

    def _change(self, change: QuotaChange, now: float) -> None:
        """Scale all quotas; what is used stays used."""
        ratio, self._factor = change.factor / self._factor, change.factor
        book = self._quotas.book(MODEL)
        for name, dimension in book.dimensions.items():
            limiter = dimension.limiter
            limiter.wait(now + self._clock_offset, 0.0)  # refills at the old rate up to now
            limiter.limit *= ratio
            if isinstance(limiter, TokenBucket):
                limiter.rate *= ratio
                limiter.level = min(limiter.level, limiter.limit)
            book.dimensions[name] = Dimension(limiter, dimension.max_cost * ratio)
