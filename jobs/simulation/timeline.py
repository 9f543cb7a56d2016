"""The timeline of a run over time, for charts."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from jobs.pipeline import events
from jobs.requests.cost import QUOTAS, REQUESTS
from jobs.simulation.engine_run import Run
from jobs.simulation.result import Timeline
from jobs.simulation.scenario import MINUTE

STEPS = 240
"""Of a timeline: what a chart can show."""


@dataclass(slots=True)
class Heard:
    """What a client said of itself in a run, with the times; make `hear` its listener (jobs.pipeline.events.Emit)."""

    rates: dict[str, list[tuple[float, float | None]]] = field(default_factory=dict)
    """By the quota (`requests`, `tokens`): from when on, and what a minute; None: it does not know."""
    breaker: list[tuple[float, str]] = field(default_factory=list)

    def hear(self, event: events.Event) -> None:
        """Something happened, inside of the run."""
        if isinstance(event, events.RateChanged):
            self.rates.setdefault(event.quota, []).append((_now(), event.per_minute))
        elif isinstance(event, events.BreakerChanged):
            self.breaker.append((_now(), event.new))


def _now() -> float:
    return asyncio.get_running_loop().time()


def timeline(run: Run, heard: Heard) -> Timeline:
    """A run in STEPS steps, from its start to its last admission (a timed one: to its end)."""
    calls = [call for call in run.server.calls if call.arrived <= run.seconds]
    last = max((call.arrived for call in calls if not call.refused), default=0.0)
    length = max(1.0, run.seconds if run.cut else last)
    step = length / STEPS
    admitted = [call for call in calls if not call.refused]
    tokens = sum(call.tokens(run.seconds) for call in admitted) / max(1, len(admitted))
    starts = [index * step for index in range(STEPS)]
    refused = [call.arrived for call in calls if call.refused]
    came = _counted((at for at in run.work.offered if at <= length), step)
    let_in = _counted((call.arrived for call in admitted), step)
    waiting, queue = 0, []
    for arrived, left in zip(came, let_in, strict=True):
        waiting += arrived - left
        queue.append(waiting)
    return Timeline(
        step=step,
        admitted=tuple(number / step for number in let_in),
        refused=tuple(number / step for number in _counted((*refused, *run.turned_away), step)),
        quota=tuple(_allowed(run, start, tokens) for start in starts),
        waiting=tuple(queue),
        rate=tuple(_believed(heard, start + step, tokens) for start in starts),
        breaker=tuple(heard.breaker),
        outages=tuple((out.start, min(out.end, length)) for out in run.scenario.outages if out.start < length),
    )


def _counted(times: Iterable[float], step: float) -> list[int]:
    counts = [0] * STEPS
    for at in times:
        counts[min(STEPS - 1, int(at / step))] += 1
    return counts


def _allowed(run: Run, now: float, tokens: float) -> float:
    """Calls a second that the quotas allow, at so many tokens a call."""
    rules, factor = run.scenario.rules, run.scenario.factor(now)
    rates = [rules.rpm / MINUTE] if rules.rpm else []
    if rules.tpm and tokens:
        rates.append(rules.tpm / MINUTE / tokens)
    return min(rates, default=0.0) * factor


def _believed(heard: Heard, now: float, tokens: float) -> float | None:
    """Calls a second that the client takes the quotas for."""
    rates = []
    for quota, changes in heard.rates.items():
        known = _latest(changes, now)
        if known is not None:
            rates.append(known / MINUTE / (1.0 if QUOTAS[quota] == REQUESTS else max(1.0, tokens)))
    return min(rates, default=None)


def _latest(changes: Sequence[tuple[float, float | None]], now: float) -> float | None:
    return next((rate for at, rate in reversed(changes) if at <= now), None)
