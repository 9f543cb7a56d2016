"""What happens in a run. The dispatcher emits these; statistics, progress and results only read them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from jobs.requests.answer import Usage
from ratelimit.outcome import Outcome


@dataclass(frozen=True, slots=True)
class DocumentRead:
    """A document was read as far as it is going to be."""

    path: str
    status: str
    """`ok`, `empty`, `unreadable`, or `partial` (a sample ended in it)."""
    bytes: int
    sections: int
    error: str = ""


@dataclass(frozen=True, slots=True)
class Surveyed:
    """The listing is complete: this much there is to read."""

    documents: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Enrolled:
    """Sections entered the record. Each is counted under exactly one of the names."""

    new: int = 0
    resumed: int = 0
    cached: int = 0
    duplicates: int = 0
    skipped: int = 0
    """Failed, incomplete or held in an earlier run, and not selected by --retry."""

    @property
    def sections(self) -> int:
        """All of them."""
        return self.new + self.resumed + self.cached + self.duplicates + self.skipped


class CallSent(NamedTuple):
    """An attempt is on its way; CallEnded tells whether it got there."""

    is_retry: bool = False
    """Whether an attempt for its unit failed before (a throttled one did not)."""


class CallEnded(NamedTuple):
    """An attempt ended."""

    outcome: Outcome
    latency: float
    usage: Usage | None = None
    cost_usd: float | None = None
    quota_tokens: float = 0.0
    """What it took of a token quota in the end, burndown included."""
    sent: bool = True
    """Whether any byte of it may have left: if not, it was no call."""
    is_retry: bool = False
    """As CallSent had it."""


@dataclass(frozen=True, slots=True)
class Retrying:
    """A unit whose attempt failed will have another one."""

    reason: str = ""
    """Why it failed, for a person; foreign text in it is not yet safe to print."""


class UnitClosed(NamedTuple):
    """A unit got its status of this run: `ok`, `incomplete`, `failed`, `held` or `fallback`."""

    status: str
    document: str = ""
    heading: str = ""
    code: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Paused:
    """No call starts for `seconds`, for this reason."""

    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class BreakerChanged:
    """The circuit breaker changed its state, from `old` to `new`: `closed`, `open` or `half-open`."""

    old: str
    new: str
    reason: str
    """For a person; foreign text in it is not yet safe to print."""
    seconds: float = 0.0
    """Until calls find out whether the service is back, if it opened."""

    @property
    def sentence(self) -> str:
        """What it means, and why."""
        out = "still out" if self.old == "half-open" else "out"
        what = {"open": out, "half-open": "tried again", "closed": "back"}[self.new]
        return f"the service is {what}: {self.reason}"


@dataclass(frozen=True, slots=True)
class RateChanged:
    """What is known of a quota that nobody told has changed."""

    quota: str
    """`requests` or `tokens`."""
    per_minute: float | None
    """None while it is being found."""
    kind: str
    """How it comes back: `bucket`, `fixed` or `sliding`; empty while it is being found."""
    reason: str
    """Empty where the change is too small to tell a person."""

    @property
    def sentence(self) -> str:
        """Which quota, and what is known of it."""
        return f"the quota in {self.quota}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Stopping:
    """No new call starts; calls in flight may finish. `reason` and `hint` are for a person."""

    reason: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """One line for a person; foreign text in it is not yet safe to print."""

    text: str
    hint: str = ""


Event = (
    DocumentRead
    | Surveyed
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
