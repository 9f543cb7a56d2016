"""The peers of the rate engine: aiolimiter, botocore's adaptive mode (its own classes) and the x1.1/x0.5 rule.

All are pacers of jobs.simulation.baseline_client, in virtual time.
"""

import asyncio

from aiolimiter import AsyncLimiter
from botocore.exceptions import CapacityNotAvailableError
from botocore.retries import adaptive, bucket, throttling

from jobs.emulator.quotas import QuotaRules
from ratelimit.algorithms.adaptive import Adaptive

START = 1.0
"""Calls a second at which the x1.1/x0.5 rule starts; it does not know the quota."""
MIN_WAIT = 1e-6
"""Seconds; rounded down to 0, a wait would not move a clock that jumps to the next timer."""


class _AsyncLimiter(AsyncLimiter):
    def _wake_next(self, *_: object) -> None:
        super()._wake_next()
        handle, loop = self._waker_handle, asyncio.get_running_loop()
        if handle is not None and handle.when() < loop.time() + MIN_WAIT:
            handle.cancel()
            self._waker_handle = loop.call_later(MIN_WAIT, self._wake_next)


class Aiolimiter:
    """aiolimiter configured with the rate and a burst of a second, as users would; tokens with a burst of a minute."""

    def __init__(self, rules: QuotaRules) -> None:
        if rules.rpm:
            rate = rules.rpm / 60
            self._limiter = _AsyncLimiter(max(1.0, rate), max(1.0, 1 / rate))
        else:
            self._limiter = _AsyncLimiter(rules.tpm or 1.0, 60)
        self._requests = bool(rules.rpm)

    async def acquire(self, tokens: float) -> None:
        await self._limiter.acquire(1 if self._requests else min(tokens, self._limiter.max_rate))

    def ended(self, *, throttled: bool) -> None:
        pass


class Clock:
    """botocore's clock, on the running loop."""

    def current_time(self) -> float:
        return asyncio.get_running_loop().time()


class _Detector:
    """Replaces botocore's inspection of an HTTP response."""

    def is_throttling_error(self, *, throttled: bool) -> bool:
        return throttled


class BotocoreAdaptive:
    """botocore.retries.adaptive as a client registers it, but its blocking wait is a sleep on the loop."""

    def __init__(self) -> None:
        clock = Clock()
        self._bucket = bucket.TokenBucket(max_rate=1, clock=clock)
        self._limiter = adaptive.ClientRateLimiter(
            rate_adjustor=throttling.CubicCalculator(starting_max_rate=0, start_time=clock.current_time()),
            rate_clocker=adaptive.RateClocker(clock),
            token_bucket=self._bucket,
            throttling_detector=_Detector(),
            clock=clock,
        )
        self._turn = asyncio.Lock()
        self._changed = asyncio.Event()

    async def acquire(self, tokens: float) -> None:
        async with self._turn:
            while self._limiter._enabled:
                try:
                    self._bucket.acquire(block=False)
                except CapacityNotAvailableError:
                    await self._sleep(self._bucket._sleep_amount(1))
                else:
                    return

    async def _sleep(self, seconds: float) -> None:
        """As botocore's condition variable: until the time is over or the rate changes."""
        self._changed.clear()
        try:
            async with asyncio.timeout(max(seconds, MIN_WAIT)):
                await self._changed.wait()
        except TimeoutError:
            pass

    def ended(self, *, throttled: bool) -> None:
        self._limiter.on_receiving_response(throttled=throttled)
        self._changed.set()


class AdaptiveRule:
    """The x1.1/x0.5 rule."""

    def __init__(self, rules: QuotaRules) -> None:
        self._unit = 1.0 if rules.rpm else 3000.0
        self._limiter = Adaptive(START * self._unit, START * self._unit, min_rate=0.05 * self._unit, max_rate=1e9)
        self._requests = bool(rules.rpm)
        self._turn = asyncio.Lock()

    async def acquire(self, tokens: float) -> None:
        clock = asyncio.get_running_loop().time
        cost = 1.0 if self._requests else tokens
        async with self._turn:
            while (wait := self._limiter.wait(clock(), min(cost, self._limiter.limit))) > 0:  # noqa: ASYNC110
                await asyncio.sleep(wait)
            self._limiter.take(clock(), cost)

    def ended(self, *, throttled: bool) -> None:
        now = asyncio.get_running_loop().time()
        if throttled:
            self._limiter.throttled(now, now, 0.0)
        else:
            self._limiter.succeeded(now)
