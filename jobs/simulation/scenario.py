"""A scenario as data: the server's quotas, the events that affect them, and how long calls take."""

from dataclasses import dataclass, field
from itertools import pairwise

from jobs.emulator.quotas import QuotaRules

MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Timing:
    """Delays of a call in seconds. Pairs are the bounds of a uniform distribution."""

    uplink: tuple[float, float] = (0.005, 0.025)
    """From the client to the server."""
    error: tuple[float, float] = (0.05, 0.2)
    """From sending a call to receiving an error."""
    latency: float = 6.0
    """Median of the model's time from arrival to answer, a lognormal distribution."""
    sigma: float = 0.5
    """Standard deviation of the latency's logarithm."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """Another client on the same quotas, from `start` to `end`. It does not retry."""

    start: float
    end: float
    rpm: float
    """Calls per minute, evenly spaced apart from the jitter of the uplink."""
    tokens: int = 0
    """Tokens that each call takes from a token quota."""


@dataclass(frozen=True, slots=True)
class QuotaChange:
    """From `at` on, every quota is `factor` times its initial value."""

    at: float
    factor: float


@dataclass(frozen=True, slots=True)
class Outage:
    """From `start` to `end` the server answers every call with 503."""

    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Scenario:
    """A server and its events. Times are seconds since the start; the seed determines everything random."""

    rules: QuotaRules
    seed: int = 0
    timing: Timing = field(default_factory=Timing)
    phase: float | None = None
    """Seconds into the minute on the server's clock at the start (fixed windows); None: drawn from the seed."""
    tenants: tuple[Tenant, ...] = ()
    changes: tuple[QuotaChange, ...] = ()
    """Ordered by time."""
    outages: tuple[Outage, ...] = ()

    def is_out(self, now: float) -> bool:
        return any(outage.start <= now < outage.end for outage in self.outages)

    def factor(self, now: float) -> float:
        """The quotas at `now` relative to their initial values."""
        return next((change.factor for change in reversed(self.changes) if change.at <= now), 1.0)


def quota_minutes(scenario: Scenario, start: float, end: float) -> float:
    """The quota refilled between two times, in minutes of the initial quota."""
    edges = [start, *(change.at for change in scenario.changes if start < change.at < end), end]
    return sum((high - low) * scenario.factor(low) for low, high in pairwise(edges)) / MINUTE
