"""A run at one moment, as displays and the summary read it."""

from dataclasses import dataclass

from jobs.pipeline.stage import Stage
from jobs.progress.advice import Advice
from jobs.progress.counts import Counts


@dataclass(frozen=True, slots=True)
class Quota:
    """The quotas in force, per minute; None if there is none or it is not known yet."""

    rpm: float | None = None
    tpm: float | None = None
    source: str | None = None
    """`configured` or `learned`: of the quota with the higher utilisation. None without a quota."""
    burst_s: float = 0.0
    """Burst of a configured quota, in seconds."""
    rpm_kind: str | None = None
    """How a learned quota refills: `bucket`, `fixed` or `sliding`; None for a configured quota."""
    tpm_kind: str | None = None


@dataclass(slots=True)
class Snapshot(Counts):
    """A run at one moment. It shares nothing with the running Stats: any thread may read it."""

    elapsed: float = 0.0
    """Seconds since the start."""
    stopping: str = ""
    """Why no new call starts; empty while the run goes on."""
    paused: str = ""
    """Why calls are on hold; empty if they are not."""
    next_call: float = 0.0
    """Seconds until a call may start while calls are on hold; 0.0 if that depends on the probes in flight."""
    documents_total: int | None = None
    """None until the inputs are counted, like `bytes_total`."""
    bytes_total: int | None = None
    cost_usd: float | None = 0.0
    """None if the model's price is unknown."""
    emulated: bool = False
    """Whether nothing is paid: `cost_usd` is what it would have been."""
    calls_per_minute: float = 0.0
    """Calls sent in the last minute, extrapolated if the run is younger."""
    tokens_per_minute: float = 0.0
    """Quota tokens in the last minute, burndown included; extrapolated if the run is younger."""
    latency: float = 0.0
    """Moving average of the seconds to an answer."""
    quota: Quota = Quota()
    stages: tuple[Stage, ...] = ()
    utilisation: float | None = None
    """The higher utilisation of the two quotas (jobs.progress.utilisation)."""
    first_failure: str = ""
    """Reason of the first unit without a complete answer; may contain foreign text."""
    eta: float | None = None
    """Estimated seconds to the end; None if unknown."""
    advice: tuple[Advice, ...] = ()

    @property
    def fraction(self) -> float | None:
        """The share of the work that is done, 0 to 1; None until the inputs are counted."""
        if self.bytes_total is None:
            return None
        done = self.units_done / self.units if self.units else 1.0
        if not self.bytes_total or self.documents == self.documents_total:
            return done
        # A document that is still being read can be most of the work: its sections so far count in place of its bytes.
        unfinished = max(1.0, self.sections / self.sections_read) if self.sections_read else 1.0
        return min(1.0, self.bytes_read * unfinished / self.bytes_total) * done
