"""The geometry of the page's charts: scales, ticks, paths and bands in the units of an SVG's viewBox (pure).

A chart is as wide as a phone's screen, so that its text is legible there; larger screens scale it up. All charts of a
page share their scales, so that algorithms can be compared by eye.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from jobs.simulation.result import Timeline

LEFT, RIGHT, TOP, BOTTOM = 46.0, 348.0, 24.0, 114.0
"""Edges of the plot; the page template sets the size of the whole chart, 360 wide."""
MAX_BINS = 120
"""Bars that fit into a plot."""
MIN_CALLS_PER_BIN = 6.0
"""Calls that the quota allows in a bin; with fewer, a bar shows single calls and not a rate."""
MAX_SCALE = 3.0
"""Upper bound of a scale relative to the highest quota, and to the shortest complete run. Without it, a flood of
throttled calls would flatten all other curves, and an algorithm that is stuck for hours would squeeze them."""

_TIME_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
_HOUR = 3600
_CHARACTER_WIDTH = 6


@dataclass(frozen=True, slots=True)
class Tick:
    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Axis:
    """Maps values from 0 to `top` to coordinates from `low` to `high`; on a vertical axis `low` > `high`."""

    top: float
    ticks: tuple[Tick, ...]
    low: float
    high: float

    def __call__(self, value: float) -> float:
        """The coordinate of a value; values beyond the top are drawn at the top."""
        return round(self.low + (self.high - self.low) * min(value, self.top) / self.top, 1)


@dataclass(frozen=True, slots=True)
class Scales:
    """The axes that all charts of a page share."""

    time: Axis
    calls: Axis
    waiting: Axis
    estimate: Axis
    bin: float
    """Seconds over which calls are averaged, before rounding to a timeline's steps."""

    @property
    def in_hours(self) -> bool:
        """Whether times are h:mm rather than m:ss."""
        return self.time.top >= _HOUR

    def clock(self, seconds: float) -> str:
        """A time in the format of the time axis."""
        return clock(seconds, hours=self.in_hours)


def scales(timelines: Iterable[Timeline], shortest: float = math.inf) -> Scales:
    """For all timelines of a page; `shortest` is the length in seconds of the shortest complete run."""
    timelines = list(timelines)
    end = min(MAX_SCALE * shortest, max(map(length, timelines), default=0.0))
    quota = max((max(timeline.quota, default=0.0) for timeline in timelines), default=0.0)
    width = max(end / MAX_BINS, MIN_CALLS_PER_BIN / quota if quota else 0.0)
    calls = max((rate for timeline in timelines for rate in binned(timeline, all_calls(timeline), width)), default=0.0)
    estimate = max((rate or 0.0 for timeline in timelines for rate in timeline.estimate), default=0.0)
    waiting = max((max(timeline.waiting, default=0) for timeline in timelines), default=0)
    return Scales(
        time_axis(end),
        value_axis(_rate_scale(quota, calls)),
        value_axis(max(waiting, 1), whole=True),
        value_axis(_rate_scale(quota, estimate)),
        width,
    )


def _rate_scale(quota: float, peak: float) -> float:
    return max(quota * 1.1, min(peak, quota * MAX_SCALE) if quota else peak) or 1.0


def length(timeline: Timeline) -> float:
    """Seconds."""
    return timeline.step * len(timeline.admitted)


def all_calls(timeline: Timeline) -> list[float]:
    """Calls per second, admitted and rejected."""
    return [admitted + rejected for admitted, rejected in zip(timeline.admitted, timeline.rejected, strict=True)]


def binned(timeline: Timeline, rates: Sequence[float], width: float) -> list[float]:
    """Means over bins of about `width` seconds; the last bin may be shorter."""
    steps = steps_per_bin(timeline, width)
    bins = [rates[start : start + steps] for start in range(0, len(rates), steps)]
    return [sum(rates) / len(rates) for rates in bins]


def steps_per_bin(timeline: Timeline, width: float) -> int:
    return max(1, round(width / timeline.step))


def time_axis(end: float) -> Axis:
    """Seconds, with at most seven ticks in m:ss, or in h:mm from an hour on."""
    end = max(end, 1.0)
    distance = next((step for step in _TIME_STEPS if end / step <= 6), 86400 * math.ceil(end / 86400 / 6))
    ticks = tuple(Tick(at, clock(at, hours=end >= _HOUR)) for at in range(0, int(end) + 1, distance))
    return Axis(end, ticks, LEFT, RIGHT)


def clock(seconds: float, *, hours: bool) -> str:
    """`3:05`: minutes and seconds, or hours and minutes."""
    large, small = divmod(int(seconds) // (60 if hours else 1), 60)
    return f"{large}:{small:02}"


def value_axis(top: float, *, whole: bool = False) -> Axis:
    """Up to a round number not below `top`, with at most six ticks."""
    power = 10.0 ** math.floor(math.log10(top))
    distance = next(step * power for step in (0.2, 0.25, 0.5, 1.0, 2.0) if top <= 5 * step * power)
    distance = max(1.0, math.ceil(distance)) if whole else distance
    count = math.ceil(top / distance - 1e-9)
    ticks = tuple(Tick(i * distance, number(i * distance)) for i in range(count + 1))
    return Axis(count * distance, ticks, BOTTOM, TOP)


def number(value: float) -> str:
    """Three significant digits, or all digits before the point: `0.25`, `12`, `1,500`."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def step_path(values: Sequence[float | None], width: float, x: Axis, y: Axis, end: float = math.inf) -> str:
    """An SVG path over steps of `width` seconds, up to `end` or the end of the axis.

    Steps of equal height become one line; None is a gap.
    """
    heights = [None if value is None else y(value) for value in values]
    edges = [0, *(i for i, (a, b) in enumerate(pairwise(heights), 1) if a != b), len(heights)]
    parts: list[str] = []
    for first, last in pairwise(edges):
        if first == last or first * width >= x.top or (height := heights[first]) is None:
            continue
        joined = first > 0 and heights[first - 1] is not None
        parts += [f"V{height:g}" if joined else f"M{x(first * width):g} {height:g}", f"H{x(min(last * width, end)):g}"]
    return "".join(parts)


def area_path(values: Sequence[float], width: float, x: Axis, y: Axis, end: float = math.inf) -> str:
    """The same, closed along the axis; empty if all values are 0."""
    line = step_path(values, width, x, y, end)
    return f"{line}V{y(0):g}H{x(0):g}Z" if any(values) else ""


@dataclass(frozen=True, slots=True)
class Band:
    """A labelled period, starting at the coordinate `x`."""

    x: float
    width: float
    name: str
    when: str = ""

    @property
    def middle(self) -> float:
        return round(self.x + self.width / 2, 1)

    def fits(self, text: str) -> bool:
        """Whether a label fits into the band."""
        return self.width >= _CHARACTER_WIDTH * len(text)


def breaker_bands(timeline: Timeline, x: Axis) -> list[Band]:
    changes = [(0.0, "closed"), *timeline.breaker, (length(timeline), "")]
    return [_band(at, until, state, x) for (at, state), (until, _) in pairwise(changes) if at < min(until, x.top)]


def outage_bands(timeline: Timeline, shared: Scales) -> list[Band]:
    """The outages within the time axis."""
    return [
        _band(start, end, "outage", shared.time, f"from {shared.clock(start)} to {shared.clock(end)}")
        for start, end in timeline.outages
        if start < shared.time.top
    ]


def _band(start: float, end: float, name: str, x: Axis, when: str = "") -> Band:
    left = x(start)
    return Band(left, max(1.0, round(x(end) - left, 1)), name, when)  # at least 1 wide, to be visible


def peak(values: Sequence[float], width: float, x: Axis, y: Axis) -> Tick | None:
    """The coordinate and label of the largest value within the time axis, if it is beyond the scale of `y`."""
    largest = max(values[: math.ceil(x.top / width)], default=0.0)
    return Tick(x((values.index(largest) + 0.5) * width), number(largest)) if largest > y.top else None
