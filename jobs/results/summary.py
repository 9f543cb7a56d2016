"""The fold of a run at its end: summary.json."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from jobs.atomic_file import atomic_write
from jobs.progress.snapshot import Quota, Snapshot
from jobs.record.protocol import Status


@dataclass(slots=True)
class Summary:
    """One flat object; names and meanings are an interface (README, What you get). Counts are of this run."""

    run_id: str
    started_at: str
    """UTC, ISO 8601."""
    model: str
    endpoint: str
    emulated: bool = False
    exit_code: int = 0
    error: str | None = None
    documents: int = 0
    unreadable: int = 0
    sections: int = 0
    unique: int = 0
    """Distinct keys."""
    calls: int = 0
    """POSTs sent."""
    ok: int = 0
    """Sections, as the five after it."""
    failed: int = 0
    incomplete: int = 0
    held: int = 0
    fallback: int = 0
    pending: int = 0
    """Without an outcome yet: the run stopped before."""
    resumed: int = 0
    cached: int = 0
    duplicates: int = 0
    throttled: int = 0
    retried: int = 0
    maybe_paid_twice: int = 0
    """Over the life of the directory."""
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = 0.0
    """At list price; None where the model's price is unknown."""
    wall_s: float = 0.0
    utilisation: float | None = None
    """Of the tightest quota: what was used of what could have been, over the time in which calls were sent."""
    quota: Mapping[str, Any] = field(default_factory=lambda: asdict(Quota()))
    advice: Sequence[Mapping[str, Any]] = ()
    """What would make the next run faster: `option`, `value`, `faster` (how many times as fast), `text`."""

    def take(self, shot: Snapshot) -> None:
        """Fill in what the statistics know."""
        for name in _FROM_STATS:
            setattr(self, name, getattr(shot, name))
        self.wall_s = round(shot.elapsed, 3)
        self.cost_usd = None if shot.cost_usd is None else round(shot.cost_usd, 6)
        self.utilisation = None if shot.utilisation is None else round(shot.utilisation, 4)
        self.quota = asdict(shot.quota)
        self.advice = [asdict(advice) for advice in shot.advice]

    def take_tally(self, tally: Mapping[Status, int], unique: int, maybe_paid_twice: int) -> None:
        """Fill in what the journal knows."""
        self.ok, self.failed = tally.get(Status.OK, 0), tally.get(Status.FAILED, 0)
        self.incomplete, self.held = tally.get(Status.INCOMPLETE, 0), tally.get(Status.HELD, 0)
        self.fallback = tally.get(Status.FALLBACK, 0)
        self.pending, self.unique = tally.get(Status.NEW, 0), unique
        # The record knows of sections whose event a stop has swallowed.
        self.sections = sum(tally.values())
        self.maybe_paid_twice = maybe_paid_twice

    def troubles(self) -> str:
        """What is not well, in a few words; empty if all is."""
        troubles = [f"{self.unreadable} of {self.documents} documents unreadable"] if self.unreadable else []
        counts = {name: getattr(self, name) for name in ("failed", "incomplete", "held", "fallback", "pending")}
        troubles += [f"{number} of {self.sections} sections {name}" for name, number in counts.items() if number]
        return ", ".join(troubles)

    def as_dict(self) -> dict[str, Any]:
        """As it stands in summary.json."""
        return asdict(self)

    def write(self, path: Path) -> None:
        """Write summary.json.

        Raises:
            OSError: it could not be written.
        """
        with atomic_write(path) as file:
            json.dump(self.as_dict(), file, indent=2, ensure_ascii=True)
            file.write("\n")


_FROM_STATS = (
    "documents",
    "unreadable",
    "sections",
    "calls",
    "resumed",
    "cached",
    "duplicates",
    "throttled",
    "retried",
    "input_tokens",
    "output_tokens",
)
