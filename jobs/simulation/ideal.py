"""The makespan of an ideal client: it knows the server's state and is its only client (pure)."""

from jobs.simulation.engine_run import Run
from jobs.simulation.measures import available, minutes_of_quota
from jobs.simulation.scenario import MINUTE


def ideal_makespan(run: Run, requests: int, tokens: float, last_arrival: float, largest: float = 0.0) -> float:
    """Seconds until this many requests, with this many tokens in total, could be admitted.

    A lower bound: tokens count as used in the end, not as reserved, and the largest call (`largest` minutes of the
    quota) fits into a full bucket, however small the bucket is.
    """
    used = minutes_of_quota(run.scenario.rules, requests, tokens)

    def suffices(time: float) -> bool:
        return available(run.scenario, run.server.phase, 0.0, time, largest) >= used * (1 - 1e-9)

    low, high = 0.0, last_arrival + MINUTE
    while not suffices(high):
        low, high = high, 2 * high
    for _ in range(50):
        middle = (low + high) / 2
        if suffices(middle):
            high = middle
        else:
            low = middle
    return max(high, last_arrival)
