"""The geometry of the page's charts: scales, ticks, paths and bands in the units of an SVG's viewBox (pure).

One drawing is as wide as a phone, so that its text is readable there; a larger screen enlarges it.
All charts of a page share their scales, so that two algorithms can be compared by eye.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from jobs.simulation.result import Timeline

WIDTH, LEFT, RIGHT = 360.0, 46.0, 348.0
TOP, BOTTOM = 24.0, 114.0
"""A drawing is WIDTH wide; its plot is between the others."""
BINS = 120
"""Most bars that a plot has room for."""
CALLS_IN_A_BIN = 6.0
"""That the quota allows in one bin, at least: of fewer the eye sees single calls and no rate."""
CUT = 3.0
"""Times the largest quota, and times the quickest run that did all the work, at which a scale ends: a flood of refused
calls would make all else a flat line, and hours of one that is stuck a dot."""

_TIMES = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
_HOUR = 3600


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Axis:
    """From 0 to `top`, drawn from `low` to `high` (upwards these are the larger and the smaller number)."""

    top: float
    ticks: tuple[Tick, ...]
    low: float
    high: float

    def __call__(self, value: float) -> float:
        """Where a value is drawn; what is beyond the top, at the top."""
        part = min(value, self.top) / self.top
        return round(self.low + (self.high - self.low) * part, 1)


@dataclass(frozen=True, slots=True)
class Scales:
    """What all charts of a page have in common."""

    time: Axis
    calls: Axis
    waiting: Axis
    belief: Axis
    bin: float
    """Seconds over which calls are averaged, as closely as a timeline's steps allow."""

    @property
    def hours(self) -> bool:
        """Whether times are h:mm; else m:ss."""
        return self.time.top >= _HOUR

    def when(self, seconds: float) -> str:
        """A time as the axis has it."""
        return clock(seconds, hours=self.hours)


def scales(timelines: Iterable[Timeline], quickest: float = math.inf) -> Scales:
    """For all timelines of a page; `quickest` is how long the shortest one took that did all the work."""
    timelines = list(timelines)
    end = min(CUT * quickest, max(map(length, timelines), default=0.0))
    quota = max((max(timeline.quota, default=0.0) for timeline in timelines), default=0.0)
    width = max(end / BINS, CALLS_IN_A_BIN / quota if quota else 0.0)
    calls = max((rate for timeline in timelines for rate in binned(timeline, sent(timeline), width)), default=0.0)
    belief = max((rate or 0.0 for timeline in timelines for rate in timeline.rate), default=0.0)
    waiting = max((max(timeline.waiting, default=0) for timeline in timelines), default=0)
    return Scales(
        time_axis(end),
        value_axis(_within(quota, calls)),
        value_axis(max(waiting, 1), whole=True),
        value_axis(_within(quota, belief)),
        width,
    )


def _within(quota: float, peak: float) -> float:
    return max(quota * 1.1, min(peak, quota * CUT) if quota else peak) or 1.0


def length(timeline: Timeline) -> float:
    """Of a timeline, in seconds."""
    return timeline.step * len(timeline.admitted)


def sent(timeline: Timeline) -> list[float]:
    """Calls a second, refused ones included."""
    return [admitted + refused for admitted, refused in zip(timeline.admitted, timeline.refused, strict=True)]


def binned(timeline: Timeline, rates: Sequence[float], width: float) -> list[float]:
    """Means over about `width` seconds each; the last one may be shorter."""
    steps = bin_steps(timeline, width)
    parts = [rates[start : start + steps] for start in range(0, len(rates), steps)]
    return [sum(part) / len(part) for part in parts]


def bin_steps(timeline: Timeline, width: float) -> int:
    """Steps of a timeline that make a bin."""
    return max(1, round(width / timeline.step))


def time_axis(end: float) -> Axis:
    """Seconds, with at most seven ticks in m:ss, or in h:mm from an hour on."""
    end = max(end, 1.0)
    apart = next((step for step in _TIMES if end / step <= 6), 86400 * math.ceil(end / 86400 / 6))
    ticks = tuple(Tick(at, clock(at, hours=end >= _HOUR)) for at in range(0, int(end) + 1, apart))
    return Axis(end, ticks, LEFT, RIGHT)


def clock(seconds: float, *, hours: bool) -> str:
    """`3:05`: minutes and seconds, or hours and minutes."""
    large, small = divmod(int(seconds) // (60 if hours else 1), 60)
    return f"{large}:{small:02}"


def value_axis(top: float, *, whole: bool = False) -> Axis:
    """Up to a round number not below `top`, with at most six ticks."""
    power = 10.0 ** math.floor(math.log10(top))
    apart = next(step * power for step in (0.2, 0.25, 0.5, 1.0, 2.0) if top <= 5 * step * power)
    apart = max(1.0, math.ceil(apart)) if whole else apart
    count = math.ceil(top / apart - 1e-9)
    return Axis(count * apart, tuple(Tick(i * apart, number(i * apart)) for i in range(count + 1)), BOTTOM, TOP)


def number(value: float) -> str:
    """`0.25`, `12`, `1,500`: three digits at least, and no more than that of a fraction."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def steps(values: Sequence[float | None], width: float, x: Axis, y: Axis, end: float = math.inf) -> str:
    """A path over steps of `width` seconds, as far as the axis goes, the last one until `end`.

    What looks equal is one line, None is a gap.
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


def area(values: Sequence[float], width: float, x: Axis, y: Axis, end: float = math.inf) -> str:
    """The same, filled down to 0; empty if there is nothing to fill."""
    line = steps(values, width, x, y, end)
    return f"{line}V{y(0):g}H{x(0):g}Z" if any(values) else ""


@dataclass(frozen=True, slots=True)
class Band:
    """A stretch of time, from `x` on."""

    x: float
    width: float
    name: str
    when: str = ""

    @property
    def middle(self) -> float:
        """Where its label is centred."""
        return round(self.x + self.width / 2, 1)

    def holds(self, text: str) -> bool:
        """Whether there is room for a label."""
        return self.width >= 6 * len(text)


def states(timeline: Timeline, x: Axis) -> list[Band]:
    """The circuit breaker's states over the whole timeline."""
    changes = [(0.0, "closed"), *timeline.breaker, (length(timeline), "")]
    return [_band(at, until, state, x) for (at, state), (until, _) in pairwise(changes) if at < min(until, x.top)]


def outages(timeline: Timeline, shared: Scales) -> list[Band]:
    """When the server was out, as far as it is on the page."""
    return [
        _band(start, end, "outage", shared.time, f"from {shared.when(start)} to {shared.when(end)}")
        for start, end in timeline.outages
        if start < shared.time.top
    ]


def _band(start: float, end: float, name: str, x: Axis, when: str = "") -> Band:
    left = x(start)
    return Band(left, max(1.0, round(x(end) - left, 1)), name, when)  # it is seen, however short it is


def peak(values: Sequence[float], width: float, x: Axis, y: Axis) -> Tick | None:
    """The largest value with its place, if the scale ends below it; of those that the axis of time has room for."""
    most = max(values[: math.ceil(x.top / width)], default=0.0)
    return Tick(x((values.index(most) + 0.5) * width), number(most)) if most > y.top else None
