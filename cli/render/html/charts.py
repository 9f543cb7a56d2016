"""The charts of one algorithm, each with a description for screen readers (pure)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cli.render.html.axes import (
    Axis,
    Band,
    Scales,
    Tick,
    all_calls,
    area_path,
    binned,
    breaker_bands,
    length,
    number,
    peak,
    step_path,
    steps_per_bin,
)
from cli.render.numbers import count
from jobs.simulation.result import Timeline


@dataclass(frozen=True, slots=True)
class Shape:
    """A line or an area."""

    kind: str
    """Its CSS class."""
    label: str
    path: str
    filled: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """What the template draws: shapes over a value axis, or bands."""

    title: str
    description: str
    unit: str = ""
    y: Axis | None = None
    shapes: tuple[Shape, ...] = ()
    peak: Tick | None = None
    """The largest value, if it is beyond the scale."""
    bands: tuple[Band, ...] = ()


def charts(timeline: Timeline, shared: Scales) -> Iterator[Chart]:
    """Calls and waiting requests; quota estimate and circuit breaker if the algorithm has them."""
    yield _calls(timeline, shared)
    yield _waiting(timeline, shared)
    if any(rate is not None for rate in timeline.estimate):
        yield _estimate(timeline, shared)
    if timeline.breaker:
        changes = ", ".join(f"{state} from {shared.clock(at)}" for at, state in timeline.breaker)
        yield Chart(
            "Circuit breaker", f"Closed at first, {changes}.", bands=tuple(breaker_bands(timeline, shared.time))
        )


def _calls(timeline: Timeline, shared: Scales) -> Chart:
    x, y = shared.time, shared.calls
    width, end = steps_per_bin(timeline, shared.bin) * timeline.step, length(timeline)
    total, admitted = (binned(timeline, rates, shared.bin) for rates in (all_calls(timeline), timeline.admitted))
    calls_admitted, calls_rejected = (
        count(sum(rates) * timeline.step) for rates in (timeline.admitted, timeline.rejected)
    )
    rejected = "throttled or failed" if timeline.outages else "throttled"  # calls fail in outages only
    return Chart(
        "Calls and quota",
        f"{calls_admitted} calls admitted, {calls_rejected} {rejected}; at most "
        f"{number(max(total, default=0.0))} calls/s sent, quota {_range(timeline.quota)} calls/s.",
        "calls/s",
        y,
        (
            # The total, and the admitted calls drawn over it: the rejected ones remain visible.
            Shape("rejected", rejected, area_path(total, width, x, y, end), filled=True),
            Shape("admitted", "admitted", area_path(admitted, width, x, y, end), filled=True),
            Shape("quota", "quota", step_path(timeline.quota, timeline.step, x, y)),
        ),
        peak(total, width, x, y),
    )


def _waiting(timeline: Timeline, shared: Scales) -> Chart:
    x, y = shared.time, shared.waiting
    maximum = max(timeline.waiting, default=0)
    description = "No requests waiting."
    if maximum:
        at = shared.clock(timeline.waiting.index(maximum) * timeline.step)
        description = f"At most {count(maximum)} requests waiting, at {at}; {count(timeline.waiting[-1])} at the end."
    shape = Shape("waiting", "waiting", area_path(timeline.waiting, timeline.step, x, y), filled=True)
    return Chart("Waiting requests", description, "requests", y, (shape,))


def _estimate(timeline: Timeline, shared: Scales) -> Chart:
    x, y = shared.time, shared.estimate
    first = next(i for i, rate in enumerate(timeline.estimate) if rate is not None)
    rates = [rate for rate in timeline.estimate if rate is not None]
    since = shared.clock(first * timeline.step) if first else "the start"
    return Chart(
        "Estimated quota",
        f"Estimated from {since} on: {_range(rates)} calls/s, {number(rates[-1])} at the end; quota "
        f"{_range(timeline.quota)} calls/s.",
        "calls/s",
        y,
        (
            Shape("estimate", "estimate", step_path(timeline.estimate, timeline.step, x, y)),
            Shape("quota", "quota", step_path(timeline.quota, timeline.step, x, y)),
        ),
        peak([rate or 0.0 for rate in timeline.estimate], timeline.step, x, y),
    )


def _range(values: Sequence[float]) -> str:
    low, high = number(min(values, default=0.0)), number(max(values, default=0.0))
    return low if low == high else f"{low} to {high}"
