"""What is simulated: a server and its world, and what the client has to do there."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from jobs.simulation.arrivals import Arrivals, arrivals
from jobs.simulation.scenario import MINUTE, Scenario, quota_minutes
from jobs.simulation.workload import User, Work

PLENTY = 2.0
"""Times what the quota allows: so many requests are there for a timed run, rather than endlessly many to lose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """All that one run of any algorithm follows from."""

    scenario: Scenario
    requests: int | None
    """None: as many as come until `duration` is over; of a batch, more than can be answered."""
    duration: float | None = None
    """Seconds after which it is over; None: when all requests have an answer, or are lost."""
    arrivals: Arrivals = "batch"
    load: float = 0.9
    """Requests that arrive, on average, as a part of the quota in requests; of no meaning to a batch."""
    users: tuple[User, ...] = (User("user 1"),)
    max_tokens: int = 1024
    sizes: Sequence[int] = ()
    """Input tokens of the requests, over and over; empty: as the users' mixes say."""
    concurrency: int = 1000
    """Most calls in flight."""

    @property
    def rate(self) -> float:
        """Requests a minute, as the quota was at first."""
        return self.scenario.rules.rpm or 0.0

    def _allowed(self) -> float:
        """Requests that the quota allows in `duration`, and a minute's worth at once."""
        scenario, duration = self.scenario, self.duration or 0.0
        return self.rate * (1.0 + quota_minutes(scenario, 0.0, duration)) * max(1.0, self.load)

    @property
    def count(self) -> int:
        """Requests that a run needs: in a timed one not all of them come."""
        return self.requests or math.ceil(PLENTY * self._allowed())

    def work(self) -> Work:
        """The same requests, anew for each run."""
        seed = self.scenario.seed
        return Work(
            seed,
            count=self.count,
            max_tokens=self.max_tokens,
            users=self.users,
            sizes=self.sizes,
            arrivals=arrivals(self.arrivals, self.load * self.rate / MINUTE, seed),
        )
