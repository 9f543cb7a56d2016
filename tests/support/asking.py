"""The decisions of a limiter over a sequence of events, with and without extra calls of `wait`."""

from collections.abc import Sequence

from hypothesis import strategies as st

from ratelimit.algorithms.protocol import Limiter

Step = tuple[str, float, float]
"""An event, the seconds before it, and a share: of the unit (the cost), or of the calls in flight (which one)."""

PAUSES = st.sampled_from([0.0, 0.004, 0.05, 0.3, 1.0, 4.0, 20.0, 47.0, 61.0])
EVENTS = st.sampled_from(["call", "call", "call", "take", "end", "throttle", "throttle"])
steps = st.lists(st.tuples(EVENTS, PAUSES, st.floats(0, 1)), max_size=60)
MAX_WAITS = 100


class _Client:
    def __init__(self, limiter: Limiter, now: float, unit: float, *, ask: bool) -> None:
        self.limiter, self.now, self.unit, self.ask = limiter, now, unit, ask
        self.starts: list[float] = []
        self.in_flight: list[tuple[float, float]] = []
        limiter.wait(now, unit)  # starts the clock

    def step(self, event: str, pause: float, share: float) -> None:
        self.pass_time(pause)
        cost = (0.1 + share) * self.unit
        if event == "call":
            self.wait(cost)
        if event in {"call", "take"}:
            self.limiter.take(self.now, cost)
            self.in_flight.append((self.now, cost))
            self.starts.append(self.now)
        elif self.in_flight:
            at, cost = self.in_flight.pop(-1 if share > 0.7 else int(share * (len(self.in_flight) - 1)))
            if event == "throttle" and hasattr(self.limiter, "throttled"):
                self.limiter.throttled(self.now, at, cost)
            else:
                self.limiter.correct(self.now, at, (0.2 - share) * cost)

    def wait(self, cost: float) -> None:
        for _ in range(MAX_WAITS):
            if not 0.0 < (wait := self.limiter.wait(self.now, cost)) < 1e6:
                break
            self.pass_time(wait + 1e-9)

    def pass_time(self, seconds: float) -> None:
        for part in (0.0, 0.01, 0.3, 0.9, 1.0, 1.0) if self.ask else ():
            for cost in (0.1 * self.unit, self.unit, 3 * self.unit):
                self.limiter.wait(self.now + part * seconds, cost)
        self.now += seconds


def decisions(limiter: Limiter, happening: Sequence[Step], now: float, unit: float, *, ask: bool) -> list[float]:
    """When each call starts; `ask`: `wait` is called many times in between, with several costs."""
    client = _Client(limiter, now, unit, ask=ask)
    for step in happening:
        client.step(*step)
    return client.starts
