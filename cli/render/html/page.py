"""The HTML page of `simulate`: one self-contained document for a browser, a phone or paper.

Jinja2 escapes every text, after `safe` has made its control characters visible. The page runs no script and fetches
nothing; its Content-Security-Policy allows its own style sheet, by hash, and nothing else.
"""

import base64
import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from cli.render.html.axes import BOTTOM, TOP, Scales, length, outage_bands, scales
from cli.render.html.charts import charts
from cli.render.numbers import count, counted, duration, short_duration
from cli.render.quota import REFILLS
from cli.render.simulate_table import HEADINGS, figure
from cli.render.text import safe
from jobs.simulation.comparison import Trial
from jobs.simulation.ranking import best
from jobs.simulation.result import Result, Timeline

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup

DEFAULT_TITLE = "Which rate-limiting algorithm suits this workload?"

_COLUMNS = {
    "served": "requests",
    "lost": "requests",
    "makespan_s": "to last admission",
    "calls": "sent",
    "throttle_rate": "of all calls",
    "utilisation": "of the quota",
    "wait_p50_s": "to admission",
    "wait_p95_s": "to admission",
    "worst_minute": "utilisation",
    "fairness": "1 is even",
}
"""The figures shown, in order, with the small print of their headings."""

_ARRIVALS = {"batch": "arriving at once", "poisson": "arriving at random", "bursty": "arriving in bursts"}
_FORMATS = {
    "rate": "{} requests/minute",
    "tpm": "{} tokens/minute",
    "burst": "{} s",
    "duration": "{} s",
    "load": "{} of the rate",
    "latency": "{} s",
    "outages": "{} s to {} s",
    "quota_changes": "from {} s on: {} requests/minute",
    "tenants": "{} s to {} s: {} requests/minute",
}
"""Formats of a setting, or of each item if it is a list."""


def page(scenario: Mapping[str, Any], trials: Sequence[Trial], recommendation: Sequence[str], title: str = "") -> str:
    """The document: the trials in this order, without charts where they have no timeline.

    `scenario` holds settings: numbers, texts, and lists of mappings or lists of these.
    """
    template, style = _template()
    results, timelines = [trial.result for trial in trials], [trial.timeline for trial in trials if trial.timeline]
    complete = [length(trial.timeline) for trial in trials if trial.timeline and not trial.result.lost]
    shared, winners = scales(timelines, min(complete, default=math.inf)), best(results)
    show_fairness = any(result.fairness != 1 for result in results)  # always 1 with one user
    columns = [name for name in _COLUMNS if name != "fairness" or show_fairness]
    rows = [
        {
            "id": f"a{i}",
            "name": result.algorithm,
            "cells": [(figure(name, result), result.algorithm in winners[name]) for name in columns],
            "explanation": trial.explanation[:1].upper() + trial.explanation[1:],
            "summary": _summary(result),
            **_drawings(trial.timeline, shared),
        }
        for i, (trial, result) in enumerate(zip(trials, results, strict=True))
    ]
    return template.render(
        style=style,
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        title=title or DEFAULT_TITLE,
        sentence=_sentence(scenario),
        details=[*_details(scenario)],
        columns=[(HEADINGS[name], _COLUMNS[name]) for name in columns],
        rows=rows,
        recommendation=recommendation,
        scales=shared,
        bin=short_duration(shared.bin),
        clock="h:mm" if shared.in_hours else "m:ss",
        outages=any(timeline.outages for timeline in timelines),
        plot=(TOP, BOTTOM),
    )


@cache
def _template() -> "tuple[Template, Markup]":
    """The template and the style sheet; the latter is not escaped."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_make_safe
    )
    markup, style = (
        files("cli.render.html").joinpath(name).read_text("utf-8") for name in ("page.html.jinja", "page.css")
    )
    return environment.from_string(markup), Markup(style)  # noqa: S704 (a file of this package)


def _make_safe(value: object) -> object:
    """Applied to everything the template prints; Markup is a subclass of str and passes."""
    return safe(value) if type(value) is str else value


def _drawings(timeline: Timeline | None, shared: Scales) -> dict[str, Any]:
    if timeline is None:
        return {"charts": [], "outages": [], "ends": ""}
    # When the run ended, if that is beyond the time axis.
    ends = shared.clock(length(timeline)) if length(timeline) > shared.time.top else ""
    return {"charts": [*charts(timeline, shared)], "outages": outage_bands(timeline, shared), "ends": ends}


def _summary(result: Result) -> str:
    return (
        f"{counted(result.served, 'request')} served, {count(result.lost)} gave up; {counted(result.calls, 'call')}, "
        f"{count(result.throttled)} throttled; time {short_duration(result.makespan_s)}, ideal "
        f"{short_duration(result.ideal_s)}."
    )


def _sentence(scenario: Mapping[str, Any]) -> str:
    """The main settings in a sentence; unknown ones are left out."""
    users = scenario.get("users") or 1
    users = users if isinstance(users, int) else len(users)
    workload = counted(scenario["requests"], "request") if scenario.get("requests") else "Requests"
    workload += f" for {duration(scenario['duration'])}" if scenario.get("duration") else ""
    workload += f" of {users} users" if users > 1 else ""
    limits = ((scenario.get("rate"), "requests"), (scenario.get("tpm"), "tokens"))
    quota = " and ".join(f"{limit:,.10g} {unit}/minute" for limit, unit in limits if limit)
    if refill := REFILLS.get(scenario.get("server", "")):
        burst = scenario.get("burst") if scenario["server"] == "bucket" else None
        refill += f", {burst:g} s burst" if burst else ""
        quota += f" ({refill})" if quota else ""
    arrivals = _ARRIVALS.get(scenario.get("arrivals", ""))
    return ", ".join(filter(None, (workload, arrivals, quota and f"quota {quota}"))) + "."


def _details(scenario: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """All settings by name; empty ones are left out."""
    for key, value in scenario.items():
        if value in (None, "", [], ()):
            continue
        items = value if isinstance(value, list | tuple) else [value]
        yield _words(key), "; ".join(_format(_FORMATS.get(key, "{}"), item) for item in items)


def _format(template: str, item: object) -> str:
    parts = [_value(part) for part in (item if isinstance(item, list | tuple) else [item])]
    return template.format(*parts) if template.count("{}") == len(parts) else ", ".join(parts)


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


def _words(key: str) -> str:
    return key.replace("_", " ")
