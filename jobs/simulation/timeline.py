"""A run over time, for charts."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import accumulate
from operator import sub

from jobs.pipeline import events
from jobs.requests.cost import QUOTAS, REQUESTS
from jobs.simulation.engine_run import Run
from jobs.simulation.measures import admitted
from jobs.simulation.result import Timeline
from jobs.simulation.scenario import MINUTE

STEPS = 240
"""Steps of a timeline, whatever its length."""


@dataclass(slots=True)
class ClientLog:
    """Changes of a client's state during a run, with their times; `record` is its jobs.pipeline.events.Emit."""

    rates: dict[str, list[tuple[float, float | None]]] = field(default_factory=dict)
    """(time, estimate per minute) by quota (`requests`, `tokens`); None: not yet known."""
    breaker: list[tuple[float, str]] = field(default_factory=list)

    def record(self, event: events.Event) -> None:
        """Called inside the run's event loop."""
        now = asyncio.get_running_loop().time()
        if isinstance(event, events.RateChanged):
            self.rates.setdefault(event.quota, []).append((now, event.per_minute))
        elif isinstance(event, events.BreakerChanged):
            self.breaker.append((now, event.new))


def timeline(run: Run, log: ClientLog) -> Timeline:
    """From the start of a run to its last admission, or to the end of a timed run."""
    calls = [call for call in run.server.calls if call.arrived <= run.seconds]
    served = list(admitted(calls))
    length = max(1.0, run.seconds if run.timed else max((call.arrived for call in served), default=0.0))
    step = length / STEPS
    tokens = sum(call.tokens(run.seconds) for call in served) / max(1, len(served))
    starts = [index * step for index in range(STEPS)]
    rejections = (*(call.arrived for call in calls if call.error), *run.gateway_throttles)
    arrivals = _histogram((at for at in run.workload.arrived if at <= length), step)
    admissions = _histogram((call.arrived for call in served), step)
    return Timeline(
        step=step,
        admitted=tuple(number / step for number in admissions),
        rejected=tuple(number / step for number in _histogram(rejections, step)),
        quota=tuple(_quota(run, start, tokens) for start in starts),
        waiting=tuple(accumulate(map(sub, arrivals, admissions))),
        estimate=tuple(_estimate(log, start + step, tokens) for start in starts),
        breaker=tuple(log.breaker),
        outages=tuple((out.start, min(out.end, length)) for out in run.scenario.outages if out.start < length),
    )


def _histogram(times: Iterable[float], step: float) -> list[int]:
    counts = [0] * STEPS
    for at in times:
        counts[min(STEPS - 1, int(at / step))] += 1
    return counts


def _quota(run: Run, now: float, tokens: float) -> float:
    """Calls per second that the quotas allow, with this many tokens per call."""
    rules, factor = run.scenario.rules, run.scenario.factor(now)
    rates = [rules.rpm / MINUTE] if rules.rpm else []
    if rules.tpm and tokens:
        rates.append(rules.tpm / MINUTE / tokens)
    return min(rates, default=0.0) * factor


def _estimate(log: ClientLog, now: float, tokens: float) -> float | None:
    """The client's estimate of the quotas, in calls per second."""
    rates = []
    for quota, changes in log.rates.items():
        per_minute = next((rate for at, rate in reversed(changes) if at <= now), None)
        if per_minute is not None:
            rates.append(per_minute / MINUTE / (1.0 if QUOTAS[quota] == REQUESTS else max(1.0, tokens)))
    return min(rates, default=None)
