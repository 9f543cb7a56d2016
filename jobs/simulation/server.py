"""The simulated Bedrock: admits or refuses by the emulator's books, and writes down every call (pure)."""

import heapq
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from jobs.emulator.quotas import Quotas, QuotaUsage
from jobs.simulation.ledger import Ledger
from jobs.simulation.rng import Rng
from jobs.simulation.scenario import MINUTE, QuotaChange, Scenario, Tenant
from ratelimit.algorithms.token_bucket import TokenBucket
from ratelimit.quota import Dimension, Reservation

MODEL = "simulated"


class Admitted(NamedTuple):
    """A call that was let in, and is not yet settled."""

    row: int
    """In the ledger."""
    reservation: Reservation


class SimulatedBedrock:
    """The server of a scenario, and its ledger. Pure: `now` is seconds since the start and never runs backwards."""

    def __init__(self, scenario: Scenario) -> None:
        self.calls = Ledger()
        """Of the client, in the order of arrival."""
        self.others = Ledger()
        """Of other tenants."""
        drawn = MINUTE * Rng(scenario.seed, "phase").uniform()
        self.phase = drawn if scenario.phase is None else scenario.phase
        """How far the clock was into its minute at the start."""
        self._ahead = self.phase if scenario.rules.refill == "fixed" else 0.0  # others need no clock of their own
        self._scenario = scenario
        self._quotas = Quotas(scenario.rules)
        self._factor = 1.0
        self.answered = 0
        """Calls of the client that the model has done with."""
        self.now = 0.0
        """The latest time that it was told."""
        self._events = heapq.merge(*_timelines(scenario, self._visit, self._change), key=lambda event: event[0])
        self._next = next(self._events, None)

    def arrive(self, now: float, unit: int, sent: float, input_tokens: int, max_tokens: int) -> Admitted | str:
        """A call for a unit, sent then, reaches the server; what refuses it, if it is not admitted."""
        self.advance(now)
        if self._scenario.outages and self._scenario.out(now):
            self.calls.write(unit, sent, now, "unavailable")
            return "unavailable"
        reservation = self._quotas.reserve(now + self._ahead, MODEL, input_tokens, max_tokens)
        if isinstance(reservation, str):
            self.calls.write(unit, sent, now, reservation)
            return reservation
        tokens = input_tokens + max_tokens
        return Admitted(self.calls.write(unit, sent, now, "", tokens, tokens), reservation)

    def settle(self, now: float, call: Admitted, input_tokens: int, output_tokens: int) -> None:
        """The model has done with a call.

        Raises:
            RuntimeError: it was settled before.
        """
        self.advance(now)
        self._quotas.settle(now + self._ahead, MODEL, call.reservation, QuotaUsage(input_tokens, output_tokens))
        self.answered += 1
        self.calls.settle(call.row, input_tokens + output_tokens * self._scenario.rules.burndown, now)

    def advance(self, now: float) -> None:
        """Let happen what other tenants and the owner of the quotas do until `now`."""
        self.now = now
        while self._next is not None and self._next[0] <= now:
            at, act = self._next
            act(at)
            self._next = next(self._events, None)

    def _visit(self, tenant: Tenant, now: float) -> None:
        """A tenant's call: it takes what it takes at once."""
        reservation = self._quotas.reserve(now + self._ahead, MODEL, tenant.tokens, 0)
        if isinstance(reservation, str):
            self.others.write(-1, now, now, reservation)
        else:
            self.others.write(-1, now, now, "", tenant.tokens, tenant.tokens, now)

    def _change(self, change: QuotaChange, now: float) -> None:
        """All quotas are others from now on; what was used stays used."""
        ratio, self._factor = change.factor / self._factor, change.factor
        book = self._quotas.book(MODEL)
        for name, dimension in book.dimensions.items():
            limiter = dimension.limiter
            limiter.wait(now + self._ahead, 0.0)  # up to now it refills at the old rate
            limiter.limit *= ratio
            if isinstance(limiter, TokenBucket):
                limiter.rate *= ratio
                limiter.level = min(limiter.level, limiter.limit)
            book.dimensions[name] = Dimension(limiter, dimension.max_cost * ratio)


_Event = tuple[float, Callable[[float], None]]


def _timelines(
    scenario: Scenario, visit: Callable[[Tenant, float], None], change: Callable[[QuotaChange, float], None]
) -> Iterator[Iterator[_Event]]:
    """What happens on the server beside the client's calls, each in the order of time."""
    yield iter([(item.at, partial(change, item)) for item in scenario.changes])
    for number, tenant in enumerate(scenario.tenants):
        yield _visits(tenant, Rng(scenario.seed, f"tenant {number}"), scenario.world.uplink, partial(visit, tenant))


def _visits(tenant: Tenant, rng: Rng, jitter: tuple[float, float], act: Callable[[float], None]) -> Iterator[_Event]:
    beat = MINUTE / tenant.rpm
    latest = at = tenant.start + rng.uniform() * beat
    while at < tenant.end:
        latest = max(latest, at + rng.between(*jitter))
        yield latest, act
        at += beat
