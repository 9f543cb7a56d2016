"""Who did best: one rule for the table of the terminal and for the page (pure)."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from jobs.simulation.result import Result

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


def _time(value: float) -> float:
    return round(value, 1) if value < 10 else float(math.floor(value))


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
    "fairness": _Rule(max, _share),
}


def shown(column: str, result: Result) -> float:
    """A figure as precise as it is compared: shares to a tenth of a percent; times to 0.1 s, from 10 s on to 1 s."""
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
    figures = {shown(column, result) for result in rivals}
    if len(figures) < 2 and not alone:
        return set()
    figure = rule.wins(figures)
    return {result.algorithm for result in rivals if shown(column, result) == figure}
