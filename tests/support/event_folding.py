"""Folding events into Stats, with a clock that the test sets."""

from dataclasses import dataclass

from jobs.pipeline import events
from jobs.progress.snapshot import Quota
from jobs.progress.stats import Stats
from jobs.requests.answer import Usage
from ratelimit.outcome import Outcome


@dataclass
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def new_stats(clock: Clock, quota: Quota | None = None) -> Stats:
    return Stats(clock, quota or Quota())


def call(stats: Stats, clock: Clock, at: float, *, outcome: Outcome = Outcome.OK, tokens: float = 0.0) -> None:
    clock.now = at
    stats(events.CallSent())
    usage = Usage(100, 20) if outcome is Outcome.OK else None
    stats(events.CallEnded(outcome, 2.0, usage, 0.25 if usage else None, tokens))


def read(stats: Stats, documents: int, size: int, sections: int = 1) -> None:
    for n in range(documents):
        stats(events.DocumentRead(f"{n}.md", "ok", size, sections))


def all_read(stats: Stats, units: int) -> None:
    stats(events.InputsCounted(1, 100))
    read(stats, 1, 100, units)
    stats(events.Enrolled(new=units))


def learned(quota: str, per_minute: float | None, kind: str = "bucket") -> events.RateChanged:
    return events.RateChanged(quota, per_minute, kind if per_minute else "", "")
