"""Scales, ticks and paths."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.render.html.axes import (
    BINS,
    LEFT,
    RIGHT,
    Axis,
    Tick,
    area,
    binned,
    clock,
    number,
    outages,
    peak,
    scales,
    states,
    steps,
    time_axis,
    value_axis,
)
from jobs.simulation.result import Timeline

X = Axis(10.0, (), 0.0, 100.0)
Y = Axis(4.0, (), 40.0, 0.0)
COURSE = Timeline(1.0, (2.0,) * 60, (0.0,) * 60, (2.0,) * 60, (5,) * 60, (None,) * 60, (), ())


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
def test_ticks_of_time(end: float, labels: str) -> None:
    assert " ".join(tick.label for tick in time_axis(end).ticks) == labels


@pytest.mark.parametrize(
    ("seconds", "hours", "said"),
    [(0, False, "0:00"), (185.9, False, "3:05"), (185, True, "0:03"), (7385, True, "2:03")],
)
def test_clock(seconds: float, hours: bool, said: str) -> None:
    assert clock(seconds, hours=hours) == said


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
def test_ticks_of_values(top: float, whole: bool, labels: str) -> None:
    assert " ".join(tick.label for tick in value_axis(top, whole=whole).ticks) == labels


@given(st.floats(1e-6, 1e9), st.booleans())
def test_an_axis_holds_its_top_with_few_even_ticks(top: float, whole: bool) -> None:
    axis = value_axis(max(1.0, top) if whole else top, whole=whole)
    at = [tick.at for tick in axis.ticks]
    assert axis.top >= top * (1 - 1e-9)
    assert 2 <= len(at) <= 6
    assert at[0] == 0
    assert at[-1] == axis.top
    assert len({round((b - a) / axis.top, 6) for a, b in pairwise(at)}) == 1


@pytest.mark.parametrize(
    ("value", "said"),
    [(0, "0"), (0.123456, "0.123"), (1.6667, "1.67"), (99.96, "100"), (794.2, "794"), (2400, "2,400")],
)
def test_numbers(value: float, said: str) -> None:
    assert number(value) == said


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ((), ""),
        ((1.0,), "M0 30H10"),
        ((1.0, 1.0, 1.0), "M0 30H30"),
        ((1.0, 2.0, 2.0), "M0 30H10V20H30"),
        ((1.0, 1.001), "M0 30H20"),  # nobody sees the difference
        ((9.0, 7.0), "M0 0H20"),  # both are beyond the scale
        ((None, 1.0, None, None, 2.0), "M10 30H20M40 20H50"),
        ((None, None), ""),
    ],
)
def test_steps(values: tuple[float | None, ...], path: str) -> None:
    assert steps(values, 1.0, X, Y) == path


@pytest.mark.parametrize(("values", "path"), [((0.0, 0.0), ""), ((0.0, 2.0), "M0 40H10V20H20V40H0Z")])
def test_areas(values: tuple[float, ...], path: str) -> None:
    assert area(values, 1.0, X, Y) == path


@given(st.lists(st.floats(0, 100), min_size=1, max_size=50), st.integers(1, 20))
def test_a_mean_over_bins_keeps_the_calls(rates: list[float], width: int) -> None:
    timeline = replace(COURSE, admitted=tuple(rates))
    bins = binned(timeline, timeline.admitted, float(width))
    lengths = [min(width, len(rates) - start) for start in range(0, len(rates), width)]
    assert sum(a * b for a, b in zip(bins, lengths, strict=True)) == pytest.approx(sum(rates))


@pytest.mark.parametrize(
    ("values", "mark"),
    [((0.0, 5.0, 9.0, 1.0, 9.0), (25.0, "9")), ((4.0, 0.0), None), ((), None)],
    ids=["beyond", "within", "none"],
)
def test_the_largest_value_is_told_where_the_scale_ends_below_it(
    values: tuple[float, ...], mark: tuple[float, str] | None
) -> None:
    found = peak(values, 1.0, X, Y)
    assert (found and (found.at, found.label)) == mark


def test_the_last_bar_ends_with_the_course() -> None:
    assert steps((1.0, 2.0), 4.0, X, Y, end=5.0) == "M0 30H40V20H50"


def test_scales_hold_all_courses() -> None:
    long = replace(COURSE, step=2.0, waiting=(700,) * 60)
    shared = scales([COURSE, long])
    assert shared.time.top == 120
    assert shared.waiting.top >= 700
    assert not shared.hours


def test_a_flood_of_refused_calls_flattens_nothing() -> None:
    flood = replace(COURSE, refused=(2_000.0, *(0.0,) * 59))
    assert scales([flood, COURSE]).calls.top < 10


def test_who_is_stuck_does_not_make_a_dot_of_the_others() -> None:
    stuck = replace(COURSE, step=100.0)
    assert scales([stuck, COURSE], 60.0).time.top == 180
    assert scales([stuck, COURSE]).time.top == 6_000  # where nobody did all the work
    assert scales([COURSE], 60.0).time.top == 60


def test_a_drawing_ends_with_the_axis_of_time() -> None:
    assert steps((1.0, 2.0, 3.0), 6.0, X, Y) == "M0 30H60V20H100"
    assert area((1.0, 2.0, 3.0), 6.0, X, Y) == "M0 30H60V20H100V40H0Z"
    assert peak((1.0, 5.0, 9.0), 6.0, X, Y) == Tick(90.0, "5")
    long = replace(COURSE, breaker=((30.0, "open"), (50.0, "closed")))
    assert [(band.name, band.x + band.width) for band in states(long, time_axis(40))] == [
        ("closed", pytest.approx(272.5)),
        ("open", pytest.approx(RIGHT)),
    ]


def test_a_bin_has_room_and_some_calls() -> None:
    many = replace(COURSE, step=60.0)
    assert scales([COURSE]).bin * 2.0 >= 6
    assert scales([many]).time.top / scales([many]).bin <= BINS


@pytest.mark.parametrize(
    "timeline",
    [
        replace(COURSE, quota=(0.0,) * 60),
        replace(COURSE, quota=(0.0,) * 60, admitted=(0.0,) * 60, waiting=(0,) * 60),
        Timeline(1.0, (), (), (), (), (), (), ()),
    ],
    ids=["no-quota", "nothing", "no-step"],
)
def test_scales_of_little(timeline: Timeline) -> None:
    shared = scales([timeline])
    assert shared.calls.top > 0
    assert shared.belief.top > 0
    assert shared.waiting.top > 0
    assert shared.time.top >= 1


def test_scales_of_no_course() -> None:
    assert scales([]).time.top == 1


def test_states_of_the_breaker_cover_the_course() -> None:
    timeline = replace(COURSE, breaker=((10.0, "open"), (40.0, "half-open"), (40.5, "closed")))
    bands = states(timeline, time_axis(60))
    assert [band.name for band in bands] == ["closed", "open", "half-open", "closed"]
    assert bands[0].x == LEFT
    assert bands[-1].x + bands[-1].width == pytest.approx(RIGHT)
    assert bands[1].holds("open")
    assert not bands[2].holds("half-open")


def test_what_is_short_is_still_seen() -> None:
    timeline = replace(COURSE, breaker=((10.0, "open"), (10.001, "closed")))
    assert [band.width for band in states(timeline, time_axis(60)) if band.name == "open"] == [1.0]


def test_an_outage_ends_at_the_edge_and_says_when_it_was() -> None:
    shared = scales([COURSE])
    seen = outages(replace(COURSE, outages=((30.0, 3_000.0), (70.0, 80.0))), shared)
    assert [(band.when, band.x + band.width) for band in seen] == [("from 0:30 to 50:00", pytest.approx(RIGHT))]
