"""The charts of an algorithm and their descriptions."""

from dataclasses import replace

import pytest

from cli.render.html.axes import scales
from cli.render.html.charts import Chart, charts
from jobs.simulation.result import Timeline

TIMELINE = Timeline(
    1.0, (2.0,) * 60, (1.0,) * 60, (2.0,) * 30 + (1.0,) * 30, (7,) * 30 + (0,) * 30, (None,) * 60, (), ()
)


def drawn(timeline: Timeline) -> list[Chart]:
    return [*charts(timeline, scales([timeline]))]


@pytest.mark.parametrize(
    ("changes", "titles"),
    [
        ({}, ["Calls and quota", "Waiting requests"]),
        (
            {"estimate": (None, 2.0) * 30},
            ["Calls and quota", "Waiting requests", "Estimated quota"],
        ),
        ({"breaker": ((5.0, "open"),)}, ["Calls and quota", "Waiting requests", "Circuit breaker"]),
    ],
    ids=["neither", "estimate", "breaker"],
)
def test_estimate_and_breaker_are_drawn_only_if_present(changes: dict[str, object], titles: list[str]) -> None:
    assert [chart.title for chart in drawn(replace(TIMELINE, **changes))] == titles


def test_descriptions() -> None:
    timeline = replace(
        TIMELINE, estimate=(None,) * 20 + (2.5,) * 20 + (1.0,) * 20, breaker=((5.0, "open"), (9.0, "closed"))
    )
    assert [chart.description for chart in drawn(timeline)] == [
        "120 calls admitted, 60 throttled; at most 3 calls/s sent, quota 1 to 2 calls/s.",
        "At most 7 requests waiting, at 0:00; 0 at the end.",
        "Estimated from 0:20 on: 1 to 2.5 calls/s, 1 at the end; quota 1 to 2 calls/s.",
        "Closed at first, open from 0:05, closed from 0:09.",
    ]


def test_calls_fail_only_in_an_outage() -> None:
    labels = [drawn(replace(TIMELINE, outages=outages))[0].shapes[0].label for outages in ((), ((1.0, 2.0),))]
    assert labels == ["throttled", "throttled or failed"]


def test_rejected_calls_are_stacked_on_admitted_ones() -> None:
    calls = drawn(TIMELINE)[0]
    assert calls.y is not None
    rejected, admitted, quota = calls.shapes
    assert rejected.path.startswith(f"M46 {calls.y(3.0):g}")
    assert admitted.path.startswith(f"M46 {calls.y(2.0):g}")
    assert quota.path == f"M46 {calls.y(2.0):g}H197V{calls.y(1.0):g}H348"


def test_an_empty_timeline_has_empty_charts() -> None:
    empty = drawn(Timeline(1.0, (), (), (), (), (), (), ()))
    assert [[shape.path for shape in chart.shapes] for chart in empty] == [["", "", ""], [""]]
    assert empty[1].description == "No requests waiting."
