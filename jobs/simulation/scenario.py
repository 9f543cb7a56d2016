"""What is simulated, as data: a server's quotas, what happens to them, and the way that calls travel."""

from dataclasses import dataclass, field
from itertools import pairwise

from jobs.emulator.quotas import QuotaRules

MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class World:
    """How calls travel and how long they take, in seconds."""

    uplink: tuple[float, float] = (0.005, 0.025)
    """From sending to the server: uniform between the two."""
    refusal: tuple[float, float] = (0.05, 0.2)
    """From sending to hearing of a refusal: uniform between the two."""
    latency: float = 6.0
    """Median from arrival to the answer."""
    sigma: float = 0.5
    """Of the lognormal distribution of the latency."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """Another client of the same quotas; what it is refused it does not ask again."""

    start: float
    end: float
    rpm: float
    """Calls a minute, evenly spread but for the jitter of their way."""
    tokens: int = 0
    """That each takes of a token quota."""


@dataclass(frozen=True, slots=True)
class QuotaChange:
    """From then on all quotas are `factor` times what they were at first."""

    at: float
    factor: float


@dataclass(frozen=True, slots=True)
class Outage:
    """Every call is answered 503."""

    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Scenario:
    """A server and its world. Times are seconds since the start; all randomness follows from the seed."""

    rules: QuotaRules
    seed: int = 0
    world: World = field(default_factory=World)
    phase: float | None = None
    """How far the server's clock is into its minute at the start (fixed windows); None: the seed decides."""
    tenants: tuple[Tenant, ...] = ()
    changes: tuple[QuotaChange, ...] = ()
    """In the order of their times."""
    outages: tuple[Outage, ...] = ()

    def out(self, now: float) -> bool:
        """Whether the server is out at `now`."""
        return any(outage.start <= now < outage.end for outage in self.outages)

    def factor(self, now: float) -> float:
        """What the quotas are at `now`, in terms of what they were at first."""
        return next((change.factor for change in reversed(self.changes) if change.at <= now), 1.0)


def quota_minutes(scenario: Scenario, start: float, end: float) -> float:
    """What the quota allows between two times, in minutes of what it was at first."""
    edges = [start, *(change.at for change in scenario.changes if start < change.at < end), end]
    return sum((high - low) * scenario.factor(low) for low, high in pairwise(edges)) / MINUTE
