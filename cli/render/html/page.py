"""The page of a simulation: one HTML document with all in it, for a browser, a phone or paper.

Jinja2 escapes every text, and `safe` makes control characters visible in all of them before. The page runs no script
and fetches nothing; its Content-Security-Policy allows its own style sheet, by its hash, and nothing else.
"""

import base64
import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from cli.render.html.axes import BOTTOM, TOP, Band, Scales, length, outages, scales
from cli.render.html.charts import Chart, charts
from cli.render.numbers import count, counted, duration, short_duration
from cli.render.text import safe
from jobs.simulation.ranking import best, shown
from jobs.simulation.result import Result, Timeline

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup

QUESTION = "Which way of limiting suits this work?"

_COLUMNS = {
    "served": ("served", "requests"),
    "lost": ("lost", "requests"),
    "makespan_s": ("time", "to the last admission"),
    "calls": ("calls", "sent"),
    "throttle_rate": ("refused", "of the calls"),
    "utilisation": ("quota used", "in that time"),
    "wait_p50_s": ("half wait", "at most"),
    "wait_p95_s": ("95% wait", "at most"),
    "worst_minute": ("worst minute", "of the quota"),
    "fairness": ("fairness", "1 is even"),
}
"""What is shown of a result, in order, and what is said of it in smaller print."""

_ARRIVALS = {"batch": "all there from the start", "poisson": "coming at random", "bursty": "coming in bursts"}
_SERVERS = {
    "bucket": "which come back little by little",
    "fixed": "counted by the minute of the server's clock",
    "sliding": "counted over the last minute",
}
_AS_WORDS = {
    "rate": "{} calls a minute",
    "tpm": "{} tokens a minute",
    "burst": "{} s",
    "duration": "{} s",
    "load": "{} of the rate",
    "latency": "{} s",
    "outages": "{} s to {} s",
    "quota_changes": "from {} s on {} calls a minute",
    "tenants": "{} s to {} s: {} calls a minute",
}
"""How a value is written, or each item of a list."""


@dataclass(frozen=True, slots=True)
class _Row:
    """All that is said of one algorithm."""

    id: str
    name: str
    cells: list[tuple[str, bool]]
    """Each figure, and whether it is the best of its column."""
    remark: str
    sentence: str
    charts: list[Chart]
    outages: list[Band]
    until: str
    """When it ended, if the axis of time ends before."""


def page(
    scenario: Mapping[str, object],
    results: Sequence[Result],
    timelines: Mapping[str, Timeline],
    remarks: Mapping[str, str],
    recommendation: str,
) -> str:
    """The whole document.

    Args:
        scenario: What was simulated: numbers, texts, and lists of mappings or lists of these. Of what is there,
            `question` is the heading, and `requests`, `duration`, `arrivals`, `users`, `rate`, `tpm` and `server` make
            a sentence.
        results: A row for each algorithm, in this order.
        timelines: By algorithm; who has none has no charts.
        remarks: By algorithm, the reason for a bad figure.
        recommendation: Lines of text; may be empty.
    """
    template, style = _template()
    done = [timelines[result.algorithm] for result in results if not result.lost and result.algorithm in timelines]
    shared, marked = scales(timelines.values(), min(map(length, done), default=math.inf)), best(results)
    # With one user there is nothing to be fair about.
    even = all(result.fairness == 1 for result in results)
    columns = {name: words for name, words in _COLUMNS.items() if name != "fairness" or not even}
    rows = [
        _Row(
            f"a{i}",
            result.algorithm,
            [(_figure(name, shown(name, result)), result.algorithm in marked[name]) for name in columns],
            _capital(remarks.get(result.algorithm, "")),
            _in_words(result),
            *_drawn(timelines.get(result.algorithm), shared),
        )
        for i, result in enumerate(results)
    ]
    return template.render(
        style=style,
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        question=scenario.get("question") or QUESTION,
        sentence=_sentence(scenario),
        details=[*_details(scenario)],
        columns=columns.values(),
        rows=rows,
        recommendation=recommendation.splitlines(),
        scales=shared,
        bin=short_duration(shared.bin),
        clock="h:mm" if shared.hours else "m:ss",
        outages=any(timeline.outages for timeline in timelines.values()),
        plot=(TOP, BOTTOM),
    )


@cache
def _template() -> "tuple[Template, Markup]":
    """The template, and the style sheet, in which nothing is escaped."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_harmless
    )
    markup, style = (
        files("cli.render.html").joinpath(name).read_text("utf-8") for name in ("page.html.jinja", "page.css")
    )
    return environment.from_string(markup), Markup(style)  # noqa: S704 (a file of ours)


def _harmless(value: object) -> object:
    """What the template prints: control characters are made visible in every text that is not its own markup."""
    return safe(value) if type(value) is str else value


def _drawn(timeline: Timeline | None, shared: Scales) -> tuple[list[Chart], list[Band], str]:
    """The last fields of a row."""
    if timeline is None:
        return [], [], ""
    until = shared.when(length(timeline)) if length(timeline) > shared.time.top else ""
    return [*charts(timeline, shared)], outages(timeline, shared), until


def _in_words(result: Result) -> str:
    return (
        f"{counted(result.served, 'request')} served, {count(result.lost)} lost; {counted(result.calls, 'call')}, "
        f"{count(result.throttled)} refused for a quota; {short_duration(result.makespan_s)}, at best "
        f"{short_duration(result.ideal_s)}."
    )


def _figure(column: str, value: float | None) -> str:
    if value is None:
        return "-"
    if column.endswith("_s"):
        return short_duration(value)
    if column == "fairness":
        return f"{value:.2f}"
    return f"{value:.1%}" if column in {"throttle_rate", "utilisation", "worst_minute"} else count(value)


def _sentence(scenario: Mapping[str, object]) -> str:
    """What was simulated, as far as it is among the keys that make a sentence."""
    requests, seconds, users = (scenario.get(key) for key in ("requests", "duration", "users"))
    users = len(users) if isinstance(users, list | tuple) else users
    work = counted(requests, "request") if isinstance(requests, int) else "Requests"
    work += f" for {duration(seconds)}" if isinstance(seconds, int | float) else ""
    work += f" of {users} users" if isinstance(users, int) and users > 1 else ""
    quotas = " and ".join(
        f"{amount:,.10g} {unit} a minute"
        for amount, unit in ((scenario.get("rate"), "calls"), (scenario.get("tpm"), "tokens"))
        if isinstance(amount, int | float)
    )
    arrivals, server = _ARRIVALS.get(str(scenario.get("arrivals"))), _SERVERS.get(str(scenario.get("server")))
    return ", ".join(filter(None, (work, arrivals, quotas and f"against {quotas}", server))) + "."


def _details(scenario: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """All that was simulated, by name; what there is none of is left out."""
    for key, value in scenario.items():
        if key == "question" or value in (None, "", [], ()):
            continue
        items = value if isinstance(value, list | tuple) else [value]
        yield _words(key), "; ".join(_written(_AS_WORDS.get(key, "{}"), item) for item in items)


def _written(words: str, item: object) -> str:
    parts = [_value(part) for part in (item if isinstance(item, list | tuple) else [item])]
    return words.format(*parts) if words.count("{}") == len(parts) else ", ".join(parts)


def _value(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return f"{value:,.10g}"
        case Mapping():
            return ", ".join(f"{_words(str(key))} {_value(item)}" for key, item in value.items())
        case list() | tuple():
            return " to ".join(map(_value, value))
        case _:
            return str(value)


def _capital(remark: str) -> str:
    return remark[:1].upper() + remark[1:]


def _words(key: str) -> str:
    return key.replace("_", " ")
