"""What goes wrong on purpose: faults as data, and the plan that says which call gets one (pure)."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from jobs.emulator.errors import ERRORS

BROKEN = frozenset(
    {
        "reset",  # the whole request is accepted, then the connection is reset
        "hang",  # no answer ever comes
        "drip",  # the answer comes byte by byte; `argument`: seconds between bytes (0.05)
        "truncated",  # Content-Length announces more than comes before the end of the connection
        "cut",  # half of the JSON, with the matching Content-Length
        "html",  # 200 with a web page
        "empty",  # 200 `{}`
        "huge",  # a well-formed answer with a text of `argument` bytes (300 MB)
        "deep",  # 100,000 nested arrays
        "nan",  # NaN where the usage should be
        "stop-reason",  # a good answer that ended for the reason `argument` (guardrail_intervened)
        "blank",  # a good answer without a text
        "mid-stream",  # streams break off with an error; other operations answer it with 424
    }
)
"""Faults after the model ran: these calls are billed."""

FRONT = frozenset(
    {
        "html-503",  # 503 with a web page, as a load balancer sends it
        "redirect",  # 307 to another host; `argument`: where to (https://elsewhere.invalid/)
    }
)
"""Faults before the model runs, that are no error of Bedrock's."""

KINDS = BROKEN | FRONT | ERRORS.keys()


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault and the calls that get it: all that pass each of its conditions.

    Raises:
        ValueError: a kind that does not exist, or a condition that makes no sense.
    """

    kind: str
    probability: float = 1.0
    count: int | None = None
    """The next so many calls only."""
    every: int = 1
    """Every so manieth call."""
    start: float = 0.0
    """From so many seconds after the fault was set..."""
    end: float = math.inf
    """...until so many: an outage."""
    retry_after: str | None = None
    """Value of the header Retry-After, sent as it is (errors only)."""
    argument: str = ""
    """What the kind needs, see BROKEN and FRONT; for an error its message."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"fault {self.kind!r} does not exist; there are {', '.join(sorted(KINDS))}")
        if not 0 <= self.probability <= 1:
            raise ValueError(f"probability of fault {self.kind} is {self.probability}, not between 0 and 1")
        if self.every < 1 or (self.count is not None and self.count < 0):
            raise ValueError(f"every of fault {self.kind} is at least 1, and count at least 0")
        if self.kind in {"drip", "huge"} and self.argument:
            float(self.argument)

    @property
    def dispatched(self) -> bool:
        """Whether the model ran before it went wrong."""
        return self.kind in BROKEN or (self.kind in ERRORS and ERRORS[self.kind].dispatched)


class FaultPlan:
    """Picks the fault of each call; the first of the list whose conditions hold."""

    def __init__(self, faults: Iterable[Fault], now: float, random: Callable[[], float]) -> None:
        self.faults = tuple(faults)
        self._since = now
        self._random = random
        self._seen = [0] * len(self.faults)
        self._struck = [0] * len(self.faults)

    def pick(self, now: float) -> Fault | None:
        """The fault of the call that arrives now, counted as used."""
        for at, fault in enumerate(self.faults):
            if not fault.start <= now - self._since < fault.end:
                continue
            if fault.count is not None and self._struck[at] >= fault.count:
                continue
            self._seen[at] += 1
            if self._seen[at] % fault.every or (fault.probability < 1 and self._random() >= fault.probability):
                continue
            self._struck[at] += 1
            return fault
        return None
