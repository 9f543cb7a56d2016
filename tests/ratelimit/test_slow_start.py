"""Few calls in flight until one is answered."""

import asyncio

import pytest

from ratelimit import virtual_time
from ratelimit.gate import Gate
from ratelimit.quota_book import QuotaBook
from ratelimit.slow_start import INTERVAL, PROBES, SlowStart


def slow_start(*, rejected: bool, max_in_flight: int = 64) -> tuple[Gate, SlowStart]:
    gate = Gate(QuotaBook({}), max_in_flight)
    slow = SlowStart(gate, lambda: rejected)
    assert gate.max_in_flight == max_in_flight
    slow.begin()
    return gate, slow


@pytest.mark.parametrize(("rejected", "limits"), [(False, [16, 24, 32, 40]), (True, [8, 8, 8, 8])])
def test_the_limit_grows_each_second_unless_calls_were_rejected(rejected, limits):
    async def main() -> list[int]:
        gate, slow = slow_start(rejected=rejected)
        slow.sent()
        assert gate.max_in_flight == PROBES
        seen = []
        for _ in range(4):
            await asyncio.sleep(INTERVAL + 0.001)
            seen.append(gate.max_in_flight)
        return seen

    assert virtual_time.run(main()) == limits


def test_the_first_answer_lifts_the_limit():
    async def main() -> None:
        gate, slow = slow_start(rejected=True)
        slow.sent()
        slow.answered()
        assert gate.max_in_flight == 64
        await asyncio.sleep(10 * INTERVAL)
        assert gate.max_in_flight == 64

    virtual_time.run(main())


def test_a_lower_limit_is_kept():
    async def main() -> None:
        gate, slow = slow_start(rejected=False, max_in_flight=3)
        slow.sent()
        await asyncio.sleep(10 * INTERVAL)
        assert gate.max_in_flight == 3

    virtual_time.run(main())
