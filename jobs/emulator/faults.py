"""Injected faults as data, and which call each of them hits (pure)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from jobs.emulator.service_errors import ERRORS, ServiceError

AFTER_MODEL = frozenset(
    {
        "reset",  # accept the whole request, then reset the connection
        "hang",  # never respond
        "drip",  # respond byte by byte; `argument`: seconds between bytes (0.05)
        "truncated",  # close the connection before Content-Length is reached
        "cut",  # half of the JSON, with a matching Content-Length
        "html",  # 200 with a web page
        "empty",  # 200 `{}`
        "huge",  # a valid response with `argument` extra bytes of text (300 MB)
        "deep",  # 100,000 nested arrays
        "nan",  # NaN as the token counts
        "stop-reason",  # a valid response with the stop reason `argument` (guardrail_intervened)
        "blank",  # a valid response without text
        "mid-stream",  # streams end with an error; other operations return 424
    }
)
"""Faults that hit after the model ran, so the call is billed. Error kinds: service_errors.ERRORS."""

BEFORE_MODEL = frozenset(
    {
        "html-503",  # 503 with a web page, as from a load balancer
        "redirect",  # 307 to another host; `argument`: its URL (https://elsewhere.invalid/)
    }
)
"""Faults of a proxy in front of Bedrock: the model does not run."""

KINDS = AFTER_MODEL | BEFORE_MODEL | ERRORS.keys()


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind of fault, and the conditions that a call must all meet to be hit. Impossible ones raise ValueError."""

    kind: str
    probability: float = 1.0
    count: int | None = None
    """Hit at most this many calls."""
    every: int = 1
    """Hit every n-th call."""
    start: float = 0.0
    """Seconds from setting the fault until it begins to hit."""
    end: float | None = None
    """Seconds from setting the fault until it stops; None: never."""
    retry_after: str | None = None
    """Value of the Retry-After header, sent unchanged (errors and html-503 only)."""
    argument: str = ""
    """See AFTER_MODEL and BEFORE_MODEL; for an error: its message."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown fault {self.kind!r}; known faults: {', '.join(sorted(KINDS))}")
        if not 0 <= self.probability <= 1:
            raise ValueError(f"probability of fault {self.kind} is {self.probability}, not between 0 and 1")
        if self.every < 1 or (self.count is not None and self.count < 0):
            raise ValueError(f"fault {self.kind}: every must be at least 1, and count at least 0")
        if self.kind in {"drip", "huge"} and self.argument:
            float(self.argument)

    @property
    def error(self) -> ServiceError | None:
        """The service error to return; None if the fault is of another kind."""
        error = ERRORS.get(self.kind)
        return replace(error, message=self.argument) if error and self.argument else error

    @property
    def model_ran(self) -> bool:
        """Whether the model runs before the fault hits."""
        return self.kind in AFTER_MODEL or (self.error is not None and self.error.model_ran)


class FaultPlan:
    """Picks the fault of each call: the first in the list whose conditions hold."""

    def __init__(self, faults: Iterable[Fault], now: float, random: Callable[[], float]) -> None:
        self.faults = tuple(faults)
        self._set_at = now
        self._random = random
        self._calls = [0] * len(self.faults)
        self._hits = [0] * len(self.faults)

    def pick(self, now: float) -> Fault | None:
        for index, fault in enumerate(self.faults):
            age = now - self._set_at
            if age < fault.start or (fault.end is not None and age >= fault.end):
                continue
            if fault.count is not None and self._hits[index] >= fault.count:
                continue
            self._calls[index] += 1
            if self._calls[index] % fault.every or (fault.probability < 1 and self._random() >= fault.probability):
                continue
            self._hits[index] += 1
            return fault
        return None
