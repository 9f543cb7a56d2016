"""The summary of a run: summary.json, `--json` and the final block on the terminal."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from jobs.atomic_file import atomic_write
from jobs.progress.enough_tokens import enough_tokens
from jobs.progress.snapshot import Quota, Snapshot
from jobs.record.protocol import Status
from jobs.record.queries import Spend


@dataclass(slots=True)
class Summary:
    """The fields are the keys of summary.json, an interface (jobs/README.md). Counts are of this run."""

    run_id: str
    started_at: str
    """UTC, ISO 8601."""
    model: str
    endpoint: str
    analysis: str = ""
    """The analysis's name."""
    question: Mapping[str, Any] = field(default_factory=dict)
    """RequestTemplate.question, and max_tokens."""
    emulated: bool = False
    exit_code: int = 0
    error: str | None = None
    first_failure: str | None = None
    """Reason of the first section without a complete answer in this run."""
    documents: int = 0
    """Documents read, like the one that follows."""
    documents_read: int = 0
    documents_listed: int | None = None
    """Documents among the inputs; None if the run ended before they were counted."""
    unreadable: int = 0
    sections: int = 0
    unique: int = 0
    """Distinct keys."""
    calls: int = 0
    """POSTs sent."""
    ok: int = 0
    """Sections, like the five that follow."""
    failed: int = 0
    incomplete: int = 0
    held: int = 0
    fallback: int = 0
    pending: int = 0
    """Without an outcome, as the run stopped early."""
    not_refreshed: int = 0
    """Sections with --refresh that keep their earlier answer, as there was no new one."""
    damaged: int = 0
    """Units whose stored answer was changed or lost; their sections failed."""
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
    """At list price; None if the model's price is unknown."""
    total: Mapping[str, Any] = field(default_factory=dict)
    """`calls`, `input_tokens`, `output_tokens` and `cost_usd` over the life of the directory, and of each analysis."""
    wall_s: float = 0.0
    utilisation: float | None = None
    """The higher utilisation of the two quotas (jobs.progress.utilisation)."""
    quota: Mapping[str, Any] = field(default_factory=lambda: asdict(Quota()))
    cut_off: int = 0
    """Answers of the analysis that --max-tokens cut off."""
    enough_tokens: int | None = None
    """A --max-tokens that is probably enough for them."""
    advice: Sequence[Mapping[str, Any]] = ()
    """What would make the next run faster: `option`, `value`, `faster` (speedup), `text`."""

    def add_snapshot(self, shot: Snapshot) -> None:
        """Fill in the statistics of the run."""
        self.documents = self.documents_read = shot.documents
        self.documents_listed = shot.documents_total
        self.unreadable, self.sections = shot.unreadable, shot.sections
        self.resumed, self.cached, self.duplicates = shot.resumed, shot.cached, shot.duplicates
        self.calls, self.throttled, self.retried = shot.calls, shot.throttled, shot.retried
        self.input_tokens, self.output_tokens = shot.input_tokens, shot.output_tokens
        self.first_failure = shot.first_failure or None
        self.wall_s = round(shot.elapsed, 3)
        self.cost_usd = None if shot.cost_usd is None else round(shot.cost_usd, 6)
        self.utilisation = None if shot.utilisation is None else round(shot.utilisation, 4)
        self.quota = asdict(shot.quota)
        self.advice = [asdict(advice) for advice in shot.advice]

    def add_tally(self, tally: Mapping[Status, int], unique: int, maybe_paid_twice: int) -> None:
        """Fill in the record's counts: sections by status, distinct keys, calls that may have been paid for twice."""
        self.ok, self.failed = tally.get(Status.OK, 0), tally.get(Status.FAILED, 0)
        self.incomplete, self.held = tally.get(Status.INCOMPLETE, 0), tally.get(Status.HELD, 0)
        self.fallback, self.pending = tally.get(Status.FALLBACK, 0), tally.get(Status.NEW, 0)
        self.unique, self.maybe_paid_twice = unique, maybe_paid_twice
        # A stop can lose the events of sections that are in the record.
        self.sections = sum(tally.values())

    def add_spend(self, spend: Mapping[str, Spend]) -> None:
        """Fill in the totals from the spend of each analysis, by name."""
        total = Spend.total(spend.values())
        self.total = total._asdict() | {"analyses": {name: one._asdict() for name, one in spend.items()}}

    def add_lengths(self, complete: Sequence[int], cut_off: Sequence[int]) -> None:
        """Fill in what would be enough for the answers cut off at these limits."""
        self.cut_off, self.enough_tokens = len(cut_off), enough_tokens(complete, cut_off) if cut_off else None

    def problems(self) -> str:
        """What went wrong, as a message; empty if nothing did."""
        problems = [f"{self.unreadable} of {self.documents} documents unreadable"] if self.unreadable else []
        counts = {name: getattr(self, name) for name in ("failed", "incomplete", "held", "fallback", "pending")}
        problems += [f"{number} of {self.sections} sections {name}" for name, number in counts.items() if number]
        if self.not_refreshed:
            problems.append(f"{self.not_refreshed} of {self.sections} sections not refreshed")
        if self.first_failure:
            problems.append(f"first failure: {self.first_failure}")
        return ", ".join(problems)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def write(self, path: Path) -> None:
        """Write summary.json.

        Raises:
            OSError: it cannot be written.
        """
        with atomic_write(path, 0o600) as file:
            json.dump(self.as_dict(), file, indent=2, ensure_ascii=True)
            file.write("\n")
