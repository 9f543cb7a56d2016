"""CPU per grant of the gate, compared with aiolimiter, and decisions a second: `python tests/benchmarks/gate.py`.

Thousands of tasks wait at once; measured from when all wait, on uvloop, which the program uses, and on asyncio's loop.
`nothing`: the same number of tasks, woken at the same rate without any decision, as a lower bound. The best of several
rounds counts: other processes can only slow a round down.
"""

import asyncio
import gc
import time
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

import uvloop
from aiolimiter import AsyncLimiter

from ratelimit.algorithms.token_bucket import TokenBucket
from ratelimit.breaker import Judgement
from ratelimit.gate import Gate
from ratelimit.quota_book import Dimension, QuotaBook

WAITERS = 30_000
DECISIONS = 300_000
ROUNDS = 3
RATE = 10_000.0
"""Grants a second."""
COST = {"requests": 1.0, "tokens": 1_000.0}

Call = Callable[[], Coroutine[Any, Any, None]]


def book(rate: float) -> QuotaBook:
    """Requests and tokens, both binding, initially empty."""
    return QuotaBook(
        {
            "requests": Dimension(TokenBucket(rate, rate, level=0.0), rate),
            "tokens": Dimension(TokenBucket(rate * 1_000, rate * 1_000, level=0.0), rate * 1_000),
        }
    )


def gate() -> Call:
    """A call waits for its permit and settles it."""
    gate = Gate(book(RATE), WAITERS)

    async def call() -> None:
        permit = await gate.acquire(COST)
        permit.settle(COST, Judgement.SUCCESS)

    return call


def aiolimiter() -> Call:
    """A call waits for one limiter; aiolimiter cannot combine two."""
    limiter = AsyncLimiter(RATE, 1.0)
    limiter._level = RATE  # empty, as the gate

    return limiter.acquire


def nothing() -> Call:
    """A call waits until a timer wakes it, which rings every millisecond."""
    loop = asyncio.get_running_loop()
    waiters: deque[asyncio.Future[None]] = deque()

    def ring() -> None:
        for _ in range(min(len(waiters), round(RATE / 1_000))):
            waiters.popleft().set_result(None)
        if waiters:
            loop.call_later(0.001, ring)

    async def call() -> None:
        waiter: asyncio.Future[None] = loop.create_future()
        waiters.append(waiter)
        if len(waiters) == 1:
            loop.call_later(0.001, ring)
        await waiter

    return call


async def cpu_a_grant(make: Callable[[], Call]) -> float:
    """Microseconds of CPU a grant, from when all wait until the last has passed."""
    best = float("inf")
    for _ in range(ROUNDS):
        call, left, over = make(), WAITERS, asyncio.Event()

        async def waiter(call: Call = call, over: asyncio.Event = over) -> None:
            nonlocal left
            await call()
            left -= 1
            if not left:
                over.set()

        tasks = [asyncio.create_task(waiter()) for _ in range(WAITERS)]
        await asyncio.sleep(0)
        gc.collect()
        began = time.process_time()
        await over.wait()
        best = min(best, time.process_time() - began)
        await asyncio.gather(*tasks)
    return best / WAITERS * 1e6


def decisions_a_second() -> float:
    """Over two token buckets; every decision is a grant, which costs more than a wait."""
    best = 0.0
    for _ in range(ROUNDS):
        quotas, now = book(1e6), 0.0
        decide, amounts = quotas.try_reserve, quotas.amounts(COST)
        began = time.process_time()
        for _ in range(DECISIONS):
            now += 2e-6
            decide(now, amounts)
        best = max(best, DECISIONS / (time.process_time() - began))
    return best


if __name__ == "__main__":
    print(f"decisions over two quotas, a second        {decisions_a_second():10,.0f}   goal 1,000,000")
    print(f"\nCPU a grant with {WAITERS:,} waiters, us       uvloop    asyncio")
    for make in (gate, aiolimiter, nothing):
        costs = [run(cpu_a_grant(make)) for run in (uvloop.run, asyncio.run)]
        print(f"  {make.__name__:<37}{costs[0]:10.1f} {costs[1]:10.1f}" + ("   goal 10" if make is gate else ""))
