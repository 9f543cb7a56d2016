"""A gate whose calls start evenly spread: the leaky bucket, on aiolimiter."""

from aiolimiter import AsyncLimiter

from ratelimit.breaker import Breaker, Judgement
from ratelimit.gate import Gate, Permit
from ratelimit.quota import Cost, QuotaBook


class SmoothGate(Gate):
    """A call passes the gate (breaker, quotas, calls in flight, order), then waits for the next tick of an even beat.

    The few probes of a half-open breaker do not wait: the quotas pace them.

    aiolimiter serves small costs before large ones, so it cannot weigh tokens in FIFO order; as a pacer, where every
    call costs 1, it is exact.
    """

    def __init__(
        self,
        book: QuotaBook,
        max_in_flight: int,
        breaker: Breaker | None = None,
        *,
        per_minute: float,
        turn_away: bool = False,
    ) -> None:
        super().__init__(book, max_in_flight, breaker, turn_away=turn_away)
        self._pacer = AsyncLimiter(1, 60 / per_minute)

    async def acquire(self, cost: Cost, *, is_retry: bool = False) -> Permit:
        """Wait for leave to send; raises what Gate.acquire raises."""
        while True:
            permit = await super().acquire(cost, is_retry=is_retry)
            if permit.probe:  # its deadline runs, and a beat may be as long
                return permit
            try:
                await self._pacer.acquire()
            except BaseException:
                permit.refund(Judgement.NEUTRAL)
                raise
            if self.may_start(permit):
                return permit
            permit.refund(Judgement.NEUTRAL)
            is_retry = True
