"""The table that `simulate` prints, with the explanations and the recommendation below it."""

import shlex
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.render.numbers import count, counted, duration, short_duration
from cli.render.text import safe
from jobs.simulation.comparison import Trial
from jobs.simulation.experiment import Experiment
from jobs.simulation.ranking import best, rounded
from jobs.simulation.recommendation import Recommendation
from jobs.simulation.result import Result

PIPE_WIDTH = 120
"""Columns of the table if the output is not a terminal."""
MIN_SPEEDUP = 1.05
"""A smaller speedup is not mentioned."""


def _share(value: float) -> str:
    return f"{value:.1%}"


_COLUMNS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "makespan_s": ("time", short_duration),
    "lost": ("gave up", count),
    "calls": ("calls", count),
    "throttle_rate": ("throttled", _share),
    "utilisation": ("utilisation", _share),
    "wait_p50_s": ("p50 wait", short_duration),
    "wait_p95_s": ("p95 wait", short_duration),
    "worst_minute": ("lowest minute", _share),
    "fairness": ("fairness", "{:.2f}".format),
}
"""The figures shown, in order: heading and format."""
_DROP_ORDER = ("worst_minute", "wait_p50_s", "calls", "utilisation", "wait_p95_s", "fairness", "throttle_rate", "lost")
"""Which columns a narrow terminal loses first."""


def write_table(experiment: Experiment, trials: Sequence[Trial], stream: TextIO, docs: Sequence[str] = ()) -> None:
    is_terminal = stream.isatty()  # elsewhere lines are not wrapped
    console = Console(
        file=stream, width=None if is_terminal else PIPE_WIDTH, highlight=False, soft_wrap=not is_terminal
    )
    console.print(Text(safe(_headline(experiment, trials))))
    console.print()
    console.print(_table(experiment, [trial.result for trial in trials], console.width))
    console.print(Text("* best in its column", style="dim"))
    explained = [trial for trial in trials if trial.explanation]
    if explained:
        console.print()
    for trial in explained:
        console.print(Text.assemble((trial.result.algorithm, "bold"), f": {trial.explanation}"))
    for trial in trials:
        if trial.recommendation is not None:
            console.print()
            for line in recommendation_lines(trial.recommendation, docs):
                console.print(Text(safe(line)))


def recommendation_lines(recommendation: Recommendation | None, docs: Sequence[str] = ()) -> Iterator[str]:
    """The recommended command line for the documents at `docs`, and its figures."""
    if recommendation is None:
        return
    before, after = recommendation.before, recommendation.after
    yield "Recommended for this quota and workload:"
    yield f"  bedrock-batch analyze {shlex.join(docs) or 'PATH'} {recommendation.options}"
    served = counted(after.served, "request")
    figures = f"{served} in {short_duration(after.makespan_s)}, {_share(after.throttle_rate)} throttled"
    if recommendation.speedup >= MIN_SPEEDUP:
        times = f"{recommendation.speedup:.1f} times"
        if recommendation.timed:
            figures += f"; {times} the {counted(before.served, 'request')} of the run above"
        else:
            figures += f"; {times} as fast as the run above ({short_duration(before.makespan_s)})"
    yield f"  {figures}"


def _headline(experiment: Experiment, trials: Sequence[Trial]) -> str:
    rules = experiment.scenario.rules
    quota = f"{_number(rules.rpm)} requests/minute"
    if rules.tpm:
        quota += f" and {_number(rules.tpm)} tokens/minute"
    refill = {
        "bucket": f"token bucket, {rules.burst:g} s burst",
        "fixed": "fixed window",
        "sliding": "sliding window",
    }[rules.refill]
    headline = f"{_workload(experiment)}, quota {quota} ({refill})"
    if experiment.duration is not None or not trials:
        return headline
    alone = " without other tenants" if experiment.scenario.tenants else ""
    return f"{headline}; ideal time{alone} {short_duration(trials[0].result.ideal_s)}"


def _workload(experiment: Experiment) -> str:
    if experiment.requests:
        return counted(experiment.requests, "request")
    rate = f"{_number(experiment.load * experiment.rate)} requests/minute"
    arrivals = {
        "batch": "unlimited requests",
        "poisson": f"random arrivals of {rate}",
        "bursty": f"bursty arrivals of {rate}",
    }[experiment.arrivals]
    return f"{arrivals} for {duration(experiment.duration or 0.0)}"


def _number(value: float | None) -> str:
    return f"{value or 0:,.10g}"


def _table(experiment: Experiment, results: Sequence[Result], width: int) -> Table:
    columns = dict(_COLUMNS)
    if len(experiment.users) < 2:
        del columns["fairness"]
    winners = best(results)
    while True:
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("algorithm", no_wrap=True)
        for heading, _ in columns.values():
            table.add_column(heading, justify="right", no_wrap=True)
        for result in results:
            table.add_row(
                result.algorithm,
                *(
                    _cell(_format(name, result, write), is_best=result.algorithm in winners[name])
                    for name, (_, write) in columns.items()
                ),
            )
        if len(columns) == 1 or Console(width=1000).measure(table).maximum <= width:
            return table
        del columns[next(name for name in _DROP_ORDER if name in columns)]


def _format(name: str, result: Result, write: Callable[[Any], str]) -> str:
    figure = rounded(name, result)
    return "-" if figure is None else write(figure)


def _cell(figure: str, *, is_best: bool) -> Text:
    return Text(f"{figure}*", style="bold green") if is_best else Text(f"{figure} ")
