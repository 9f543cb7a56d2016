"""What happens in a run. The pipeline emits these events; displays, statistics and the summary read them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from jobs.requests.answer import Usage
from ratelimit.outcome import Outcome


@dataclass(frozen=True, slots=True)
class InputsCounted:
    """The listing is complete: how much there is to read."""

    documents: int
    bytes: int


@dataclass(frozen=True, slots=True)
class DocumentRead:
    """A document was read to its end, or as far as the run needs it (a sample)."""

    path: str
    status: str
    """As in Document."""
    bytes: int
    sections: int
    error: str = ""


@dataclass(frozen=True, slots=True)
class Enrolled:
    """Sections were entered in the record. Each counts under exactly one of these names."""

    new: int = 0
    resumed: int = 0
    cached: int = 0
    duplicates: int = 0
    skipped: int = 0
    """Failed, incomplete or held since an earlier run, and not selected by --retry."""

    @property
    def sections(self) -> int:
        """The total."""
        return self.new + self.resumed + self.cached + self.duplicates + self.skipped


class CallSent(NamedTuple):
    """A call starts. If it turns out that no byte left, its CallEnded has `sent` = False."""

    is_retry: bool = False
    """Whether a call for this unit failed before. A throttled call is no failure."""


class CallEnded(NamedTuple):
    outcome: Outcome
    latency: float
    """Seconds."""
    usage: Usage | None = None
    """None without an answer."""
    cost_usd: float | None = None
    """None without an answer, or if the price is unknown."""
    quota_tokens: float = 0.0
    """What the call took of a token quota after settlement, burndown included."""
    sent: bool = True
    """Whether a byte of the request may have left; if not, it does not count as a call."""
    is_retry: bool = False
    """As in CallSent."""


@dataclass(frozen=True, slots=True)
class Retrying:
    """A call failed and its unit is tried again."""

    reason: str = ""
    """Why the call failed; may contain foreign text that is not safe to print."""


class UnitClosed(NamedTuple):
    """A unit has its status for this run: `ok`, `incomplete`, `failed`, `held` or `fallback`."""

    status: str
    document: str = ""
    heading: str = ""
    code: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Paused:
    """No call starts for `seconds`."""

    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class BreakerChanged:
    """The circuit breaker went from state `old` to `new`: `closed`, `open` or `half-open`."""

    old: str
    new: str
    reason: str
    """May contain foreign text that is not safe to print."""
    seconds: float = 0.0
    """Until the next probes, if it opened."""

    @property
    def sentence(self) -> str:
        """The change and its reason as a message."""
        match self.new:
            case "open":
                what = "the service is still unavailable" if self.old == "half-open" else "the service is unavailable"
            case "half-open":
                what = "probing the service"
            case _:
                what = "the service is available again"
        return f"{what}: {self.reason}"


@dataclass(frozen=True, slots=True)
class RateChanged:
    """The estimate of a learned quota changed."""

    quota: str
    """`requests` or `tokens`."""
    per_minute: float | None
    """None while the quota is being measured."""
    kind: str
    """How it refills: `bucket`, `fixed` or `sliding`; empty while it is being measured."""
    reason: str
    """Empty if the change is too small for a message."""

    @property
    def sentence(self) -> str:
        """The change as a message."""
        return f"{self.quota.removesuffix('s')} quota: {self.reason}"


@dataclass(frozen=True, slots=True)
class Stopping:
    """No new call starts; calls in flight may finish. `reason` and `hint` are messages."""

    reason: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """A message of one line; may contain foreign text that is not safe to print."""

    text: str
    hint: str = ""


Event = (
    InputsCounted
    | DocumentRead
    | Enrolled
    | CallSent
    | CallEnded
    | Retrying
    | UnitClosed
    | Paused
    | BreakerChanged
    | RateChanged
    | Stopping
    | Notice
)
Emit = Callable[[Event], None]
