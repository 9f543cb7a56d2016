"""How evenly users share what there is (pure)."""

from collections.abc import Iterable, Sequence

from jobs.simulation.engine_run import Run
from jobs.simulation.measures import admitted, jain
from jobs.simulation.workload import Work


def max_min(capacity: float, wants: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The weighted max-min fair shares: nobody gets more than it wants, and what it leaves the others share.

    Source: D. Bertsekas, R. Gallager, Data Networks, 2nd ed. 1992, section 6.5.2, for a single resource.
    """
    shares = [0.0] * len(wants)
    open_ = sorted(range(len(wants)), key=lambda user: wants[user] / weights[user])
    for position, user in enumerate(open_):
        level = capacity / sum(weights[other] for other in open_[position:])
        shares[user] = min(wants[user], level * weights[user])
        capacity -= shares[user]
    return shares


def fairness(run: Run) -> float:
    """Jain's index over the tokens that each user had, as a part of its max-min fair share of what all had together.

    Until all together had as much as if they had shared fairly until the first of them had all of its requests
    answered: from then on the others may have all there is.
    """
    work, weights = run.work, [user.weight for user in run.work.users]
    if len(weights) < 2:
        return 1.0
    took = [
        given + answer * run.scenario.rules.burndown for given, answer in zip(work.inputs, work.outputs, strict=True)
    ]
    wanted = _by_user(work, enumerate(took))
    if not any(wanted):
        return 1.0
    until = sum(weights) * min(want / weight for want, weight in zip(wanted, weights, strict=True) if want)
    had, end = [0.0] * len(weights), run.seconds
    for call in admitted(run.server.calls, 0.0, run.seconds):
        had[work.document(call.unit)] += took[call.unit]
        if sum(had) >= until:
            end = call.arrived
            break
    there = _by_user(work, ((number, took[number]) for number, at in enumerate(work.offered) if at <= end))
    fair = max_min(sum(had), there, weights)
    return jain([of / share for of, share in zip(had, fair, strict=True) if share])


def _by_user(work: Work, tokens: Iterable[tuple[int, float]]) -> list[float]:
    sums = [0.0] * len(work.users)
    for number, amount in tokens:
        sums[work.document(number)] += amount
    return sums
