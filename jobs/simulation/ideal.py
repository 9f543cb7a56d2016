"""How long a client would take that knows all about the server, and is alone there (pure)."""

from jobs.simulation.measures import available
from jobs.simulation.run import Run
from jobs.simulation.scenario import MINUTE


def ideal(run: Run, requests: int, tokens: float, last: float) -> float:
    """Seconds until so many requests, which take so many tokens in all, could be admitted; the last arrives at `last`.

    A lower bound: tokens count as what was used in the end, and those that a call reserves for its time do not.
    """
    rules = run.scenario.rules
    used = max(requests / rules.rpm if rules.rpm else 0.0, tokens / rules.tpm if rules.tpm else 0.0)
    low, high = 0.0, last + MINUTE
    while available(run.scenario, run.server.phase, 0.0, high) < used:
        low, high = high, 2 * high
    for _ in range(50):
        middle = (low + high) / 2
        if available(run.scenario, run.server.phase, 0.0, middle) >= used * (1 - 1e-9):
            high = middle
        else:
            low = middle
    return max(high, last)
