"""What the charts of an algorithm are and what they say to those who do not see them."""

from dataclasses import replace

import pytest

from cli.render.html.axes import scales
from cli.render.html.charts import Chart, charts
from jobs.simulation.result import Timeline

PLAIN = Timeline(1.0, (2.0,) * 60, (1.0,) * 60, (2.0,) * 30 + (1.0,) * 30, (7,) * 30 + (0,) * 30, (None,) * 60, (), ())


def drawn(timeline: Timeline) -> list[Chart]:
    return [*charts(timeline, scales([timeline]))]


@pytest.mark.parametrize(
    ("changes", "titles"),
    [
        ({}, ["Calls against the quota", "Requests that wait"]),
        (
            {"rate": (None, 2.0) * 30},
            ["Calls against the quota", "Requests that wait", "The rate that the client believes"],
        ),
        ({"breaker": ((5.0, "open"),)}, ["Calls against the quota", "Requests that wait", "Circuit breaker"]),
    ],
    ids=["plain", "belief", "breaker"],
)
def test_which_charts_there_are(changes: dict[str, object], titles: list[str]) -> None:
    assert [chart.title for chart in drawn(replace(PLAIN, **changes))] == titles


def test_in_words() -> None:
    timeline = replace(PLAIN, rate=(None,) * 20 + (2.5,) * 20 + (1.0,) * 20, breaker=((5.0, "open"), (9.0, "closed")))
    assert [chart.description for chart in drawn(timeline)] == [
        "120 calls were admitted and 60 refused; at most 3 a second were sent, and the quota is 1 to 2.",
        "At most 7 requests wait, at 0:00; at the end 0.",
        "From 0:20 on believed to be 1 to 2.5 calls a second, at the end 1; the quota is 1 to 2.",
        "Closed at first, open from 0:05, closed from 0:09.",
    ]


def test_refused_calls_stand_on_those_that_were_admitted() -> None:
    calls = drawn(PLAIN)[0]
    assert calls.y is not None
    refused, admitted, quota = calls.shapes
    assert refused.path.startswith(f"M46 {calls.y(3.0):g}")
    assert admitted.path.startswith(f"M46 {calls.y(2.0):g}")
    assert quota.path == f"M46 {calls.y(2.0):g}H197V{calls.y(1.0):g}H348"


def test_a_course_without_a_step_is_drawn_empty() -> None:
    empty = drawn(Timeline(1.0, (), (), (), (), (), (), ()))
    assert [[shape.path for shape in chart.shapes] for chart in empty] == [["", "", ""], [""]]
    assert empty[1].description == "No request waits."
