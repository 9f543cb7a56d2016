class RateLimitError(Exception):
    """Base of all of them."""


class GateClosedError(RateLimitError):
    """The gate is closed and grants no more permits."""


class ExhaustedError(RateLimitError):
    """A budget is spent, and no call in flight can give any of it back."""


class OutageError(RateLimitError):
    """The breaker is open, and the gate is set to fail calls instead of queueing them."""


class NeverFitsError(RateLimitError):
    """A call costs more than a quota can ever hold."""

    def __init__(self, quota: str, cost: float, max_cost: float) -> None:
        super().__init__(f"exceeds the limit on {quota}: it needs {cost:g}, the limit is {max_cost:g}")
        self.quota, self.cost, self.max_cost = quota, cost, max_cost


class DeadlockError(RateLimitError):
    """In virtual time every task is waiting and no timer is set; names the tasks and where they wait."""
