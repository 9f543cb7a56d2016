"""Which algorithms are best in each figure: one rule for the terminal's table and the HTML page (pure)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from jobs.simulation.result import Result
from jobs.simulation.scenario import MINUTE

HOUR, DAY = 3600.0, 86400.0


@dataclass(frozen=True, slots=True)
class _Rule:
    best: Callable[[set[float]], float]
    rounded: Callable[[float], float]
    """As precise as displayed: an invisible difference does not decide."""
    needs_all_work: bool = False
    """Only algorithms that did all the work can win: with less work the figure improves by itself."""


_round_share = partial(round, ndigits=3)


def _round_time(value: float) -> float:
    if value < 10:
        return round(value, 1)
    step = 1 if value < HOUR else MINUTE if value < DAY else HOUR
    return float(value // step * step)


_RULES = {
    "served": _Rule(max, float),
    "lost": _Rule(min, float),
    "calls": _Rule(min, float, needs_all_work=True),
    "throttle_rate": _Rule(min, _round_share),
    "utilisation": _Rule(max, _round_share, needs_all_work=True),  # above 1 it also used the initial burst
    "makespan_s": _Rule(min, _round_time, needs_all_work=True),
    "wait_p50_s": _Rule(min, _round_time, needs_all_work=True),
    "wait_p95_s": _Rule(min, _round_time, needs_all_work=True),
    "worst_minute": _Rule(max, _round_share, needs_all_work=True),
    "fairness": _Rule(max, partial(round, ndigits=2)),
}


def rounded(column: str, result: Result) -> float | None:
    """A figure as precise as it is compared; None for the lowest minute of a run shorter than a minute.

    Shares to 0.1%, fairness to 2 decimals; times to 0.1 s below 10 s, to 1 s below an hour, to a minute below a day,
    then to an hour.
    """
    if column == "worst_minute" and result.makespan_s < MINUTE:
        return None
    return _RULES[column].rounded(getattr(result, column))


def best(results: Sequence[Result]) -> dict[str, set[str]]:
    """The algorithms with the best figure, by column; empty where all have the same figure.

    An algorithm that gave up requests, or served fewer than others, cannot be best in `calls`, `utilisation`,
    `makespan_s`, the waits and `worst_minute`: less work improves these figures by itself.
    """
    max_served = max((result.served for result in results), default=0)
    # Timed runs differ a little: 99% counts as the same work.
    complete = [result for result in results if not result.lost and result.served >= 0.99 * max_served]
    winners: dict[str, set[str]] = {}
    for column, rule in _RULES.items():
        rivals = complete if rule.needs_all_work else results
        figures = {result.algorithm: figure for result in rivals if (figure := rounded(column, result)) is not None}
        distinct = set(figures.values())
        # The only algorithm that did all the work wins, as it beat the others.
        decided = len(distinct) > 1 or (distinct and len(rivals) == 1 < len(results))
        winner = rule.best(distinct) if decided else None
        winners[column] = {algorithm for algorithm, figure in figures.items() if figure == winner}
    return winners
