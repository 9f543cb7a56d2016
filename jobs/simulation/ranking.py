"""Who did best: one rule for the table of the terminal and for the page (pure)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from jobs.simulation.result import Result
from jobs.simulation.scenario import MINUTE

HOUR, DAY = 3600.0, 86400.0
"""From which on a time is told in minutes, and in hours."""
AS_MUCH = 0.99
"""Of the most that anyone served: who served so much did the same work, but for the end of a timed run."""


@dataclass(frozen=True, slots=True)
class _Rule:
    wins: Callable[[set[float]], float]
    """Which of several figures is the best."""
    shown: Callable[[float], float]
    """As a person sees it: a difference that nobody sees decides nothing."""
    all_done: bool = False
    """Only who did the whole work can be best: with less to do, the figure is better by itself."""


def _share(value: float) -> float:
    return round(value, 3)


def _two_places(value: float) -> float:
    return round(value, 2)


def _time(value: float) -> float:
    if value < 10:
        return round(value, 1)
    step = 1 if value < HOUR else MINUTE if value < DAY else HOUR
    return float(value // step * step)


_RULES = {
    "served": _Rule(max, float),
    "lost": _Rule(min, float),
    "calls": _Rule(min, float, all_done=True),
    "throttle_rate": _Rule(min, _share),
    # Above 1 is better still: the server admits no more than it has, so what it held at the start was used as well.
    "utilisation": _Rule(max, _share, all_done=True),
    "makespan_s": _Rule(min, _time, all_done=True),
    "wait_p50_s": _Rule(min, _time, all_done=True),
    "wait_p95_s": _Rule(min, _time, all_done=True),
    "worst_minute": _Rule(max, _share, all_done=True),
    "fairness": _Rule(max, _two_places),
}


def shown(column: str, result: Result) -> float | None:
    """A figure as precise as it is compared; None where there is none, as a run of seconds has no worst minute.

    Shares to a tenth of a percent, fairness to two decimals; times to 0.1 s, from 10 s on to 1 s, from an hour on to a
    minute, from a day on to an hour.
    """
    if column == "worst_minute" and result.makespan_s < MINUTE:
        return None
    return _RULES[column].shown(getattr(result, column))


def best(results: Sequence[Result]) -> dict[str, set[str]]:
    """For each column that is judged, the algorithms that share its best figure; none where all have the same.

    Who lost a request, or served less than others, never wins by it: such a one has little to wait for, sends few
    calls, is done soon, and its short time is well used. So it is never best in `calls`, `utilisation`, `makespan_s`,
    the waits and `worst_minute`.
    """
    most = max((result.served for result in results), default=0)
    done = [result for result in results if not result.lost and result.served >= AS_MUCH * most]
    alone = len(done) == 1 < len(results)
    return {
        column: _winners(column, rule, done, alone=alone) if rule.all_done else _winners(column, rule, results)
        for column, rule in _RULES.items()
    }


def _winners(column: str, rule: _Rule, rivals: Sequence[Result], *, alone: bool = False) -> set[str]:
    """`alone`: the one rival has won over others, who are none."""
    figures = {result.algorithm: figure for result in rivals if (figure := shown(column, result)) is not None}
    different = set(figures.values())
    if not different or (len(different) < 2 and not alone):
        return set()
    best_one = rule.wins(different)
    return {algorithm for algorithm, figure in figures.items() if figure == best_one}
