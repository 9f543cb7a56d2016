"""A gate whose calls start evenly spread: the leaky bucket, on aiolimiter."""

from aiolimiter import AsyncLimiter

from ratelimit.gate import Gate, Permit
from ratelimit.quota import Cost, QuotaBook


class SmoothGate(Gate):
    """A call passes the gate (quotas, places, order), then waits for the next tick of an even beat.

    aiolimiter serves small costs before large ones, so it cannot weigh tokens in FIFO order; as a pacer, where every
    call costs 1, it is exact.
    """

    def __init__(self, book: QuotaBook, places: int, per_minute: float) -> None:
        super().__init__(book, places)
        self._beat = AsyncLimiter(1, 60 / per_minute)

    async def acquire(self, cost: Cost, *, first: bool = False) -> Permit:
        """Wait for leave to send; raises what Gate.acquire raises."""
        permit = await super().acquire(cost, first=first)
        try:
            await self._beat.acquire()
        except BaseException:
            permit.refund()
            raise
        return permit
