"""An experiment: the server and the requests that every algorithm has to deal with."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from jobs.simulation.arrivals import Arrivals, arrivals
from jobs.simulation.scenario import MINUTE, Scenario, quota_minutes
from jobs.simulation.workload import User, Workload


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    scenario: Scenario
    requests: int | None
    """None: a timed run of `duration`; with `batch` arrivals it has more requests than can be answered."""
    duration: float | None = None
    """Length in seconds; None: until every request is answered or given up."""
    arrivals: Arrivals = "batch"
    load: float = 0.9
    """Mean arrival rate relative to the request quota; ignored with `batch` arrivals."""
    users: tuple[User, ...] = (User("user 1"),)
    max_tokens: int = 1024
    sizes: Sequence[int] = ()
    """Input tokens of the requests, repeated in order; empty: drawn from the users' mixes."""
    concurrency: int = 1000
    """Max calls in flight."""

    @property
    def rate(self) -> float:
        """The initial quota in requests per minute."""
        return self.scenario.rules.rpm or 0.0

    @property
    def count(self) -> int:
        """Requests to generate; not all requests of a timed run arrive."""
        if self.requests:
            return self.requests
        minutes = 1.0 + quota_minutes(self.scenario, 0.0, self.duration or 0.0)  # plus a full window or bucket
        # Twice what the quota allows: enough to be endless, without endless retries.
        return math.ceil(2.0 * (self.rate * minutes * max(1.0, self.load)))

    def workload(self) -> Workload:
        """A new workload; its requests are the same each time."""
        seed = self.scenario.seed
        return Workload(
            seed,
            count=self.count,
            max_tokens=self.max_tokens,
            users=self.users,
            sizes=self.sizes,
            arrivals=arrivals(self.arrivals, self.load * self.rate / MINUTE, seed),
        )
