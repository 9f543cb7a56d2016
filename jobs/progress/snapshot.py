"""A run at one moment, as displays and the summary see it."""

from dataclasses import dataclass

from jobs.pipeline.stage import Stage
from jobs.progress.advice import Advice


@dataclass(frozen=True, slots=True)
class Quota:
    """The quota that the gate keeps to; None where there is none, or none is known yet."""

    rpm: float | None = None
    tpm: float | None = None
    source: str | None = None
    """`told` or `learned`: of the two the one that is used more; None where none is known."""
    burst_s: float = 0.0
    """How many seconds of it may be taken at once, if it was told."""
    rpm_kind: str | None = None
    """How it comes back, if it was learned: `bucket`, `fixed` or `sliding`; None if it was told."""
    tpm_kind: str | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A run at one moment; counts are of this run, seconds since its start. Immutable: any thread may read it."""

    elapsed: float = 0.0
    stopping: str = ""
    """Why no new call starts; empty while it runs normally."""
    paused: str = ""
    """Why calls are held back for the moment; empty if they are not."""
    next_call: float = 0.0
    """Seconds until one may start, while they are held back; 0.0 if that depends on the answers of others."""
    documents: int = 0
    """Read so far, the unreadable included."""
    documents_total: int | None = None
    """None until the listing is complete."""
    bytes_read: int = 0
    """Of documents that were read to their end."""
    sections_read: int = 0
    """Their sections."""
    bytes_total: int | None = None
    unreadable: int = 0
    sections: int = 0
    resumed: int = 0
    cached: int = 0
    duplicates: int = 0
    skipped: int = 0
    units: int = 0
    """Units to call for, so far."""
    units_done: int = 0
    ok: int = 0
    incomplete: int = 0
    failed: int = 0
    held: int = 0
    fallback: int = 0
    """Units answered locally, as the service is out."""
    calls: int = 0
    in_flight: int = 0
    throttled: int = 0
    retried: int = 0
    """Of the calls, those for a unit whose call before had failed (a throttled one had not)."""
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = 0.0
    """None where the model's price is unknown."""
    calls_per_minute: float = 0.0
    """Calls sent in the last minute (or extrapolated from less)."""
    tokens_per_minute: float = 0.0
    """Tokens taken of a token quota in the last minute, burndown included."""
    latency: float = 0.0
    """Moving average of the seconds an answer takes."""
    quota: Quota = Quota()
    stages: tuple[Stage, ...] = ()
    utilisation: float | None = None
    """Of the tightest quota: what was used of burst + quota x time since the first call.

    Of a learned one at most 1, by what is known of it now: nobody told how much of it was there at the start.
    """
    eta: float | None = None
    """Seconds to the end as far as can be told; None if it cannot."""
    advice: tuple[Advice, ...] = ()

    @property
    def fraction(self) -> float | None:
        """Of the whole work done, 0 to 1; None until it can be told."""
        if self.bytes_total is None:
            return None
        done = self.units_done / self.units if self.units else 1.0
        if not self.bytes_total or self.documents == self.documents_total:
            return done
        # A document that is still being read may be most of the work: its sections so far count for its bytes.
        begun = max(1.0, self.sections / self.sections_read) if self.sections_read else 1.0
        return min(1.0, self.bytes_read * begun / self.bytes_total) * done
