"""How long a client would take that knows all about the server, and is alone there (pure)."""

from jobs.simulation.engine_run import Run
from jobs.simulation.measures import available, taken
from jobs.simulation.scenario import MINUTE


def ideal(run: Run, requests: int, tokens: float, last: float, one: float = 0.0) -> float:
    """Seconds until so many requests, which take so many tokens in all, could be admitted; the last arrives at `last`.

    A lower bound: tokens count as what was used in the end, and those that a call reserves for its time do not; and the
    largest call, which takes `one` minute of the quota, passes a bucket that is full, however little that holds.
    """
    used = taken(run.scenario.rules, requests, tokens)

    def reached(time: float) -> bool:
        return available(run.scenario, run.server.phase, 0.0, time, one) >= used * (1 - 1e-9)

    low, high = 0.0, last + MINUTE
    while not reached(high):
        low, high = high, 2 * high
    for _ in range(50):
        middle = (low + high) / 2
        if reached(middle):
            high = middle
        else:
            low = middle
    return max(high, last)
