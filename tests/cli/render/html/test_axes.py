"""Scales, ticks and paths."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.render.html.axes import (
    LEFT,
    MAX_BINS,
    RIGHT,
    Axis,
    Tick,
    area_path,
    binned,
    breaker_bands,
    clock,
    number,
    outage_bands,
    peak,
    scales,
    step_path,
    time_axis,
    value_axis,
)
from jobs.simulation.result import Timeline

X = Axis(10.0, (), 0.0, 100.0)
Y = Axis(4.0, (), 40.0, 0.0)
TIMELINE = Timeline(1.0, (2.0,) * 60, (0.0,) * 60, (2.0,) * 60, (5,) * 60, (None,) * 60, (), ())


@pytest.mark.parametrize(
    ("end", "labels"),
    [
        (0.2, "0:00 0:01"),
        (8, "0:00 0:02 0:04 0:06 0:08"),
        (180, "0:00 0:30 1:00 1:30 2:00 2:30 3:00"),
        (260, "0:00 1:00 2:00 3:00 4:00"),
        (3599, "0:00 10:00 20:00 30:00 40:00 50:00"),
        (3600, "0:00 0:10 0:20 0:30 0:40 0:50 1:00"),
        (36_000, "0:00 2:00 4:00 6:00 8:00 10:00"),
        (604_800, "0:00 48:00 96:00 144:00"),
    ],
)
def test_time_ticks(end: float, labels: str) -> None:
    assert " ".join(tick.label for tick in time_axis(end).ticks) == labels


@pytest.mark.parametrize(
    ("seconds", "hours", "label"),
    [(0, False, "0:00"), (185.9, False, "3:05"), (185, True, "0:03"), (7385, True, "2:03")],
)
def test_clock(seconds: float, hours: bool, label: str) -> None:
    assert clock(seconds, hours=hours) == label


@pytest.mark.parametrize(
    ("top", "whole", "labels"),
    [
        (1.83, False, "0 0.5 1 1.5 2"),
        (5.0, False, "0 1 2 3 4 5"),
        (0.04, False, "0 0.01 0.02 0.03 0.04"),
        (1, True, "0 1"),
        (12, True, "0 3 6 9 12"),
        (300, True, "0 100 200 300"),
        (1_000_000, True, "0 200,000 400,000 600,000 800,000 1,000,000"),
    ],
)
def test_value_ticks(top: float, whole: bool, labels: str) -> None:
    assert " ".join(tick.label for tick in value_axis(top, whole=whole).ticks) == labels


@given(st.floats(1e-6, 1e9), st.booleans())
def test_a_value_axis_has_few_even_ticks_up_to_its_top(top: float, whole: bool) -> None:
    axis = value_axis(max(1.0, top) if whole else top, whole=whole)
    at = [tick.at for tick in axis.ticks]
    assert axis.top >= top * (1 - 1e-9)
    assert 2 <= len(at) <= 6
    assert at[0] == 0
    assert at[-1] == axis.top
    assert len({round((b - a) / axis.top, 6) for a, b in pairwise(at)}) == 1


@pytest.mark.parametrize(
    ("value", "label"),
    [(0, "0"), (0.123456, "0.123"), (1.6667, "1.67"), (99.96, "100"), (794.2, "794"), (2400, "2,400")],
)
def test_number(value: float, label: str) -> None:
    assert number(value) == label


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ((), ""),
        ((1.0,), "M0 30H10"),
        ((1.0, 1.0, 1.0), "M0 30H30"),
        ((1.0, 2.0, 2.0), "M0 30H10V20H30"),
        ((1.0, 1.001), "M0 30H20"),  # an invisible difference
        ((9.0, 7.0), "M0 0H20"),  # both are beyond the scale
        ((None, 1.0, None, None, 2.0), "M10 30H20M40 20H50"),
        ((None, None), ""),
    ],
)
def test_step_path(values: tuple[float | None, ...], path: str) -> None:
    assert step_path(values, 1.0, X, Y) == path


@pytest.mark.parametrize(("values", "path"), [((0.0, 0.0), ""), ((0.0, 2.0), "M0 40H10V20H20V40H0Z")])
def test_area_path(values: tuple[float, ...], path: str) -> None:
    assert area_path(values, 1.0, X, Y) == path


@given(st.lists(st.floats(0, 100), min_size=1, max_size=50), st.integers(1, 20))
def test_bins_keep_the_number_of_calls(rates: list[float], width: int) -> None:
    timeline = replace(TIMELINE, admitted=tuple(rates))
    bins = binned(timeline, timeline.admitted, float(width))
    lengths = [min(width, len(rates) - start) for start in range(0, len(rates), width)]
    assert sum(a * b for a, b in zip(bins, lengths, strict=True)) == pytest.approx(sum(rates))


@pytest.mark.parametrize(
    ("values", "mark"),
    [((0.0, 5.0, 9.0, 1.0, 9.0), (25.0, "9")), ((4.0, 0.0), None), ((), None)],
    ids=["beyond", "within", "none"],
)
def test_a_peak_beyond_the_scale_is_marked(values: tuple[float, ...], mark: tuple[float, str] | None) -> None:
    actual = peak(values, 1.0, X, Y)
    assert (actual and (actual.at, actual.label)) == mark


def test_the_last_step_ends_with_the_timeline() -> None:
    assert step_path((1.0, 2.0), 4.0, X, Y, end=5.0) == "M0 30H40V20H50"


def test_scales_fit_all_timelines() -> None:
    long = replace(TIMELINE, step=2.0, waiting=(700,) * 60)
    shared = scales([TIMELINE, long])
    assert shared.time.top == 120
    assert shared.waiting.top >= 700
    assert not shared.in_hours


def test_a_flood_of_throttles_does_not_flatten_the_other_curves() -> None:
    flood = replace(TIMELINE, rejected=(2_000.0, *(0.0,) * 59))
    assert scales([flood, TIMELINE]).calls.top < 10


def test_a_stuck_run_does_not_squeeze_the_other_curves() -> None:
    stuck = replace(TIMELINE, step=100.0)
    assert scales([stuck, TIMELINE], 60.0).time.top == 180
    assert scales([stuck, TIMELINE]).time.top == 6_000  # no complete run
    assert scales([TIMELINE], 60.0).time.top == 60


def test_drawings_end_with_the_time_axis() -> None:
    assert step_path((1.0, 2.0, 3.0), 6.0, X, Y) == "M0 30H60V20H100"
    assert area_path((1.0, 2.0, 3.0), 6.0, X, Y) == "M0 30H60V20H100V40H0Z"
    assert peak((1.0, 5.0, 9.0), 6.0, X, Y) == Tick(90.0, "5")
    long = replace(TIMELINE, breaker=((30.0, "open"), (50.0, "closed")))
    assert [(band.name, band.x + band.width) for band in breaker_bands(long, time_axis(40))] == [
        ("closed", pytest.approx(272.5)),
        ("open", pytest.approx(RIGHT)),
    ]


def test_a_bin_is_visible_and_has_several_calls() -> None:
    many = replace(TIMELINE, step=60.0)
    assert scales([TIMELINE]).bin * 2.0 >= 6
    assert scales([many]).time.top / scales([many]).bin <= MAX_BINS


@pytest.mark.parametrize(
    "timeline",
    [
        replace(TIMELINE, quota=(0.0,) * 60),
        replace(TIMELINE, quota=(0.0,) * 60, admitted=(0.0,) * 60, waiting=(0,) * 60),
        Timeline(1.0, (), (), (), (), (), (), ()),
    ],
    ids=["no-quota", "nothing", "no-step"],
)
def test_scales_of_empty_timelines(timeline: Timeline) -> None:
    shared = scales([timeline])
    assert shared.calls.top > 0
    assert shared.estimate.top > 0
    assert shared.waiting.top > 0
    assert shared.time.top >= 1


def test_scales_without_timelines() -> None:
    assert scales([]).time.top == 1


def test_breaker_bands_cover_the_timeline() -> None:
    timeline = replace(TIMELINE, breaker=((10.0, "open"), (40.0, "half-open"), (40.5, "closed")))
    bands = breaker_bands(timeline, time_axis(60))
    assert [band.name for band in bands] == ["closed", "open", "half-open", "closed"]
    assert bands[0].x == LEFT
    assert bands[-1].x + bands[-1].width == pytest.approx(RIGHT)
    assert bands[1].fits("open")
    assert not bands[2].fits("half-open")


def test_a_short_band_is_visible() -> None:
    timeline = replace(TIMELINE, breaker=((10.0, "open"), (10.001, "closed")))
    assert [band.width for band in breaker_bands(timeline, time_axis(60)) if band.name == "open"] == [1.0]


def test_an_outage_is_cut_at_the_edge_and_keeps_its_times() -> None:
    shared = scales([TIMELINE])
    bands = outage_bands(replace(TIMELINE, outages=((30.0, 3_000.0), (70.0, 80.0))), shared)
    assert [(band.when, band.x + band.width) for band in bands] == [("from 0:30 to 50:00", pytest.approx(RIGHT))]
