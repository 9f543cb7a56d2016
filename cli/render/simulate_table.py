"""The table that `simulate` prints, with the explanations and the recommendation below it."""

import shlex
from collections.abc import Iterator, Sequence
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.render.numbers import count, counted, duration, short_duration
from cli.render.quota import REFILLS
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


HEADINGS = {
    "makespan_s": "time",
    "served": "served",
    "lost": "gave up",
    "calls": "calls",
    "throttle_rate": "throttled",
    "utilisation": "utilisation",
    "wait_p50_s": "p50 wait",
    "wait_p95_s": "p95 wait",
    "worst_minute": "lowest minute",
    "fairness": "fairness",
}
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
    figures = f"{served} in {short_duration(after.makespan_s)}, {after.throttle_rate:.1%} throttled"
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
    refill = REFILLS[rules.refill] + (f", {rules.burst:g} s burst" if rules.refill == "bucket" else "")
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
    columns = [name for name in HEADINGS if name != "served" and (name != "fairness" or len(experiment.users) > 1)]
    winners = best(results)
    while True:
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("algorithm", no_wrap=True)
        for name in columns:
            table.add_column(HEADINGS[name], justify="right", no_wrap=True)
        for result in results:
            cells = [_cell(figure(name, result), is_best=result.algorithm in winners[name]) for name in columns]
            table.add_row(result.algorithm, *cells)
        if len(columns) == 1 or Console(width=1000).measure(table).maximum <= width:
            return table
        columns.remove(next(name for name in _DROP_ORDER if name in columns))


def figure(name: str, result: Result) -> str:
    """A figure of a result, as tables and pages show it."""
    value = rounded(name, result)
    if value is None:
        return "-"
    if name.endswith("_s"):
        return short_duration(value)
    if name == "fairness":
        return f"{value:.2f}"
    return f"{value:.1%}" if name in ("throttle_rate", "utilisation", "worst_minute") else count(value)


def _cell(figure: str, *, is_best: bool) -> Text:
    return Text(f"{figure}*", style="bold green") if is_best else Text(f"{figure} ")
