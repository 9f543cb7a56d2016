"""The charts of one algorithm, each with the words for those who do not see it (pure)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cli.render.html.axes import (
    Axis,
    Band,
    Scales,
    Tick,
    area,
    bin_steps,
    binned,
    length,
    number,
    peak,
    sent,
    states,
    steps,
)
from cli.render.numbers import count
from jobs.simulation.result import Timeline


@dataclass(frozen=True, slots=True)
class Shape:
    """A line or an area."""

    kind: str
    """Its class in the style sheet."""
    label: str
    path: str
    filled: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """What the template draws: shapes over an axis of values, or bands."""

    title: str
    description: str
    """What is to be seen."""
    unit: str = ""
    y: Axis | None = None
    shapes: tuple[Shape, ...] = ()
    peak: Tick | None = None
    """Beyond the scale."""
    bands: tuple[Band, ...] = ()


def charts(timeline: Timeline, shared: Scales) -> Iterator[Chart]:
    """Calls and queue; belief and circuit breaker where there is something to tell of them."""
    yield _calls(timeline, shared)
    yield _waiting(timeline, shared)
    if any(rate is not None for rate in timeline.rate):
        yield _belief(timeline, shared)
    if timeline.breaker:
        told = ", ".join(f"{state} from {shared.when(at)}" for at, state in timeline.breaker)
        yield Chart("Circuit breaker", f"Closed at first, {told}.", bands=tuple(states(timeline, shared.time)))


def _calls(timeline: Timeline, shared: Scales) -> Chart:
    x, y = shared.time, shared.calls
    width, end = bin_steps(timeline, shared.bin) * timeline.step, length(timeline)
    total, admitted = (binned(timeline, rates, shared.bin) for rates in (sent(timeline), timeline.admitted))
    let_in, refused = (count(sum(rates) * timeline.step) for rates in (timeline.admitted, timeline.refused))
    return Chart(
        "Calls against the quota",
        f"{let_in} calls were admitted and {refused} refused; at most {number(max(total, default=0.0))} a second were "
        f"sent, and the quota is {_range(timeline.quota)}.",
        "calls a second",
        y,
        (
            # All calls, and over them those that were admitted: what is still to be seen was refused.
            Shape("refused", "refused", area(total, width, x, y, end), filled=True),
            Shape("admitted", "admitted", area(admitted, width, x, y, end), filled=True),
            Shape("quota", "quota", steps(timeline.quota, timeline.step, x, y)),
        ),
        peak(total, width, x, y),
    )


def _waiting(timeline: Timeline, shared: Scales) -> Chart:
    x, y = shared.time, shared.waiting
    most = max(timeline.waiting, default=0)
    told = "No request waits."
    if most:
        at = shared.when(timeline.waiting.index(most) * timeline.step)
        told = f"At most {count(most)} requests wait, at {at}; at the end {count(timeline.waiting[-1])}."
    shape = Shape("waiting", "waiting", area(timeline.waiting, timeline.step, x, y), filled=True)
    return Chart("Requests that wait", told, "requests", y, (shape,))


def _belief(timeline: Timeline, shared: Scales) -> Chart:
    x, y = shared.time, shared.belief
    first = next(i for i, rate in enumerate(timeline.rate) if rate is not None)
    rates = [rate for rate in timeline.rate if rate is not None]
    known = f"From {shared.when(first * timeline.step)} on" if first else "From the start"
    return Chart(
        "The rate that the client believes",
        f"{known} believed to be {_range(rates)} calls a second, at the end {number(rates[-1])}; the quota is "
        f"{_range(timeline.quota)}.",
        "calls a second",
        y,
        (
            Shape("belief", "believed", steps(timeline.rate, timeline.step, x, y)),
            Shape("quota", "quota", steps(timeline.quota, timeline.step, x, y)),
        ),
        peak([rate or 0.0 for rate in timeline.rate], timeline.step, x, y),
    )


def _range(values: Sequence[float]) -> str:
    low, high = number(min(values, default=0.0)), number(max(values, default=0.0))
    return low if low == high else f"{low} to {high}"
