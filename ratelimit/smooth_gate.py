"""A gate that spaces the starts of calls evenly: the leaky bucket, on aiolimiter."""

from aiolimiter import AsyncLimiter

from ratelimit.breaker import Judgement
from ratelimit.gate import Gate, Permit
from ratelimit.quota_book import Cost, QuotaBook


class SmoothGate(Gate):
    """A call passes the gate, then waits for its turn at an even rate. Probes of a half-open breaker skip the wait.

    aiolimiter serves small costs before large ones, so it cannot weigh tokens in FIFO order; as a pacer, where every
    call costs 1, it is exact.
    """

    def __init__(self, book: QuotaBook, max_in_flight: int, *, per_minute: float, turn_away: bool = False) -> None:
        super().__init__(book, max_in_flight, turn_away=turn_away)
        self._pacer = AsyncLimiter(1, 60 / per_minute)

    async def acquire(self, cost: Cost, *, is_retry: bool = False) -> Permit:
        while True:
            permit = await super().acquire(cost, is_retry=is_retry)
            if permit.probe:  # its deadline is running, and a turn may take as long
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
