"""How evenly users share the quota (pure)."""

from collections.abc import Iterable, Sequence

from jobs.simulation.engine_run import Run
from jobs.simulation.measures import admitted, jain
from jobs.simulation.workload import Workload


def max_min(capacity: float, demands: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The weighted max-min fair shares: no user gets more than its demand, and the surplus goes to the others.

    Source: D. Bertsekas, R. Gallager, Data Networks, 2nd ed. 1992, section 6.5.2, for a single resource.
    """
    shares = [0.0] * len(demands)
    by_level = sorted(range(len(demands)), key=lambda user: demands[user] / weights[user])
    for position, user in enumerate(by_level):
        level = capacity / sum(weights[other] for other in by_level[position:])
        shares[user] = min(demands[user], level * weights[user])
        capacity -= shares[user]
    return shares


def fairness(run: Run) -> float:
    """Jain's index over each user's tokens relative to its max-min fair share of the tokens of all users.

    Measured while all users compete: up to the tokens at which, with fair shares, the first user would be done.
    """
    workload, weights = run.workload, [user.weight for user in run.workload.users]
    if len(weights) < 2:
        return 1.0
    burndown = run.scenario.rules.burndown
    tokens = [size + answer * burndown for size, answer in zip(workload.inputs, workload.outputs, strict=True)]
    demands = _by_user(workload, enumerate(tokens))
    if not any(demands):
        return 1.0
    contested = sum(weights) * min(demand / weight for demand, weight in zip(demands, weights, strict=True) if demand)
    served, end = [0.0] * len(weights), run.seconds
    for call in admitted(run.server.calls, end=run.seconds):
        served[workload.owner(call.unit)] += tokens[call.unit]
        if sum(served) >= contested:
            end = call.arrived
            break
    arrived = _by_user(workload, ((number, tokens[number]) for number, at in enumerate(workload.arrived) if at <= end))
    fair = max_min(sum(served), arrived, weights)
    return jain([amount / share for amount, share in zip(served, fair, strict=True) if share])


def _by_user(workload: Workload, tokens: Iterable[tuple[int, float]]) -> list[float]:
    sums = [0.0] * len(workload.users)
    for number, amount in tokens:
        sums[workload.owner(number)] += amount
    return sums
