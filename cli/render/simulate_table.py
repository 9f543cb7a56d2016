"""The table of a simulation on a terminal or in a pipe."""

import shlex
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.render.numbers import count, counted, duration, short_duration
from cli.render.text import safe
from jobs.simulation.comparison import Shown
from jobs.simulation.experiment import Simulation
from jobs.simulation.ranking import best, shown
from jobs.simulation.recommendation import Recommendation
from jobs.simulation.result import Result

WIDTH = 120
"""Of the table where there is no terminal."""
WORTH = 1.05
"""Times as fast, below which it is not worth a word: it would be written as once."""


def _share(value: float) -> str:
    return f"{value:.1%}"


_COLUMNS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "makespan_s": ("time", short_duration),
    "lost": ("lost", count),
    "calls": ("calls", count),
    "throttle_rate": ("refused", _share),
    "utilisation": ("quota used", _share),
    "wait_p50_s": ("half wait", short_duration),
    "wait_p95_s": ("95% wait", short_duration),
    "worst_minute": ("worst min", _share),
    "fairness": ("fair", "{:.2f}".format),
}
"""What is shown of a result, in order: its heading, and how it is written."""
_DISPENSABLE = ("worst_minute", "wait_p50_s", "calls", "utilisation", "wait_p95_s", "fairness", "throttle_rate", "lost")
"""What is left out first where it is narrow."""


def write_table(simulation: Simulation, done: Sequence[Shown], stream: TextIO, paths: Sequence[str] = ()) -> None:
    """What was simulated, the table, what is bad about whom, and what to do with the documents at `paths`."""
    # Only a person's terminal needs its lines broken.
    narrow = stream.isatty()
    console = Console(file=stream, width=None if narrow else WIDTH, highlight=False, soft_wrap=not narrow)
    console.print(Text(safe(_sentence(simulation, done))))
    console.print()
    console.print(_table(simulation, [one.result for one in done], console.width))
    console.print(Text("* the best of its column", style="dim"))
    remarks = [(one.result.algorithm, one.remark) for one in done if one.remark]
    if remarks:
        console.print()
    for algorithm, remark in remarks:
        console.print(Text.assemble((algorithm, "bold"), f": {remark}"))
    for one in done:
        if one.recommendation is not None:
            console.print()
            for line in recommendation_lines(one.recommendation, paths):
                console.print(Text(safe(line)))


def recommendation_lines(recommendation: Recommendation | None, paths: Sequence[str] = ()) -> Iterator[str]:
    """The settings as words of the command line, for the documents at `paths`, and what they bring."""
    if recommendation is None:
        return
    before, after = recommendation.before, recommendation.after
    yield "For this quota and these documents:"
    documents = shlex.join(paths) or "PATH"
    yield f"  bedrock-batch analyze {documents} {recommendation.options}"
    served, seconds = counted(after.served, "request"), short_duration(after.makespan_s)
    figures = f"{served} in {seconds}, {_share(after.throttle_rate)} refused"
    if recommendation.faster >= WORTH:
        than = counted(before.served, "request") if recommendation.timed else short_duration(before.makespan_s)
        figures += f"; {recommendation.faster:.1f} times as fast as the run in the table ({than})"
    yield f"  {figures}"


def _sentence(simulation: Simulation, done: Sequence[Shown]) -> str:
    rules = simulation.scenario.rules
    quota = f"{_number(rules.rpm)} requests" + (f" and {_number(rules.tpm)} tokens" if rules.tpm else "")
    server = {"bucket": f"a bucket of {rules.burst:g} s", "fixed": "fixed minutes", "sliding": "a sliding minute"}
    sentence = f"{_work(simulation)} against {quota} a minute, kept as {server[rules.refill]}"
    if simulation.duration is not None:
        return f"{sentence}, for {duration(simulation.duration)}."
    if not done:
        return f"{sentence}."
    alone = ", and is alone there," if simulation.scenario.tenants else ""
    return f"{sentence}; who knows all about the server{alone} needs {short_duration(done[0].result.ideal_s)}."


def _work(simulation: Simulation) -> str:
    if simulation.requests:
        return counted(simulation.requests, "request")
    if simulation.arrivals == "batch":
        return "more requests than can be served"
    how = {"poisson": "at random", "bursty": "in bursts"}[simulation.arrivals]
    return f"requests that come {how}, {_number(simulation.load * simulation.rate)} a minute on average,"


def _number(value: float | None) -> str:
    return f"{value or 0:,.10g}"


def _table(simulation: Simulation, results: Sequence[Result], width: int) -> Table:
    columns = dict(_COLUMNS)
    if len(simulation.users) < 2:
        del columns["fairness"]
    best_of = best(results)
    while True:
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("algorithm", no_wrap=True)
        for heading, _ in columns.values():
            table.add_column(heading, justify="right", no_wrap=True)
        for result in results:
            table.add_row(
                result.algorithm,
                *(
                    _cell(_written(name, result, write), best=result.algorithm in best_of.get(name, ()))
                    for name, (_, write) in columns.items()
                ),
            )
        if len(columns) == 1 or Console(width=1000).measure(table).maximum <= width:
            return table
        del columns[next(name for name in _DISPENSABLE if name in columns)]


def _written(name: str, result: Result, write: Callable[[Any], str]) -> str:
    figure = shown(name, result)
    return "-" if figure is None else write(figure)


def _cell(figure: str, *, best: bool) -> Text:
    return Text(f"{figure}*", style="bold green") if best else Text(f"{figure} ")
