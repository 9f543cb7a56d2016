"""The simulated Bedrock: admits or refuses by the emulator's books, and writes down every call (pure)."""

import heapq
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from jobs.emulator.quotas import Quotas, Usage
from jobs.simulation.draws import Draws
from jobs.simulation.scenario import MINUTE, Change, Scenario, Tenant
from ratelimit.algorithms.token_bucket import TokenBucket
from ratelimit.quota import Dimension, Reservation

MODEL = "simulated"


@dataclass(slots=True, eq=False)
class Call:
    """One call as the server saw it."""

    unit: int
    """Of the client's work; negative: another tenant's."""
    sent: float
    arrived: float
    refused: str = ""
    """By what: `requests`, `tokens`, `tokens-per-day` or `unavailable`; empty: it was admitted."""
    reserved: float = 0.0
    """Tokens taken on arrival."""
    settled: float = 0.0
    """Tokens that it took in the end."""
    ended: float = math.inf
    """When the model had done with it."""
    reservation: Reservation | None = None

    @property
    def throttled(self) -> bool:
        """Whether it was refused for a quota."""
        return bool(self.refused) and self.refused != "unavailable"

    def tokens(self, at: float) -> float:
        """What it has taken of a token quota by then."""
        return self.settled if self.ended < at else self.reserved


class SimulatedBedrock:
    """The server of a scenario, and its ledger. Pure: `now` is seconds since the start and never runs backwards."""

    def __init__(self, scenario: Scenario) -> None:
        self.calls: list[Call] = []
        """Of the client, in the order of arrival."""
        self.others: list[Call] = []
        """Of other tenants."""
        drawn = MINUTE * Draws(scenario.seed, "phase").uniform()
        self.phase = drawn if scenario.phase is None else scenario.phase
        """How far the clock was into its minute at the start."""
        self._ahead = self.phase if scenario.rules.refill == "fixed" else 0.0  # others need no clock of their own
        self._scenario = scenario
        self._quotas = Quotas(scenario.rules)
        self._factor = 1.0
        self._events = heapq.merge(*_timelines(scenario, self._visit, self._change), key=lambda event: event[0])
        self._next = next(self._events, None)

    def arrive(self, now: float, call: Call, input_tokens: int, max_tokens: int) -> bool:
        """A call reaches the server; whether it is admitted."""
        self.advance(now)
        self.calls.append(call)
        if any(outage.start <= now < outage.end for outage in self._scenario.outages):
            call.refused = "unavailable"
            return False
        return self._admit(now, call, input_tokens, max_tokens)

    def settle(self, now: float, call: Call, input_tokens: int, output_tokens: int) -> None:
        """The model has done with a call that was admitted."""
        if call.reservation is None:
            raise RuntimeError("only a call that was admitted is settled, and once")
        self.advance(now)
        self._quotas.settle(now + self._ahead, MODEL, call.reservation, Usage(input_tokens, output_tokens))
        call.settled = input_tokens + output_tokens * self._scenario.rules.burndown
        call.ended, call.reservation = now, None

    def advance(self, now: float) -> None:
        """Let happen what other tenants and the owner of the quotas do until `now`."""
        while self._next is not None and self._next[0] <= now:
            at, act = self._next
            act(at)
            self._next = next(self._events, None)

    def _admit(self, now: float, call: Call, input_tokens: int, max_tokens: int) -> bool:
        reservation = self._quotas.reserve(now + self._ahead, MODEL, input_tokens, max_tokens)
        if isinstance(reservation, str):
            call.refused = reservation
            return False
        call.reservation = reservation
        call.reserved = call.settled = input_tokens + max_tokens
        return True

    def _visit(self, tenant: Tenant, now: float) -> None:
        """A tenant's call: it takes what it takes at once."""
        call = Call(-1, now, now)
        self.others.append(call)
        if self._admit(now, call, tenant.tokens, 0):
            call.reservation, call.ended = None, now

    def _change(self, change: Change, now: float) -> None:
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
            book.dimensions[name] = Dimension(limiter, dimension.most * ratio)


_Event = tuple[float, Callable[[float], None]]


def _timelines(
    scenario: Scenario, visit: Callable[[Tenant, float], None], change: Callable[[Change, float], None]
) -> Iterator[Iterator[_Event]]:
    """What happens on the server beside the client's calls, each in the order of time."""
    yield iter([(item.at, partial(change, item)) for item in scenario.changes])
    for number, tenant in enumerate(scenario.tenants):
        yield _visits(tenant, Draws(scenario.seed, f"tenant {number}"), scenario.world.uplink, partial(visit, tenant))


def _visits(
    tenant: Tenant, draws: Draws, jitter: tuple[float, float], act: Callable[[float], None]
) -> Iterator[_Event]:
    beat = MINUTE / tenant.rpm
    latest = at = tenant.start + draws.uniform() * beat
    while at < tenant.end:
        latest = max(latest, at + draws.between(*jitter))
        yield latest, act
        at += beat
