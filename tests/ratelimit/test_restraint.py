"""Restraint with the first calls and after a throttle."""

import asyncio

import pytest

from ratelimit import virtual_time
from ratelimit.gate import Gate
from ratelimit.quota import QuotaBook
from ratelimit.restraint import PROBE_TIME, PROBES, Restraint


def made(*, suspicious: bool = False, told: bool = False) -> tuple[Gate, Restraint]:
    gate = Gate(QuotaBook({}), 64)
    return gate, Restraint(gate, lambda: suspicious, lambda: 0.0, quota_told=told)


@pytest.mark.parametrize(("suspicious", "places"), [(False, 64), (True, PROBES)])
def test_a_few_calls_go_first_and_the_others_follow_unless_those_were_refused(suspicious, places):
    async def main() -> None:
        gate, restraint = made(suspicious=suspicious)
        restraint.sent()
        assert gate.places == PROBES
        await asyncio.sleep(PROBE_TIME + 0.01)
        assert gate.places == places

    virtual_time.run(main())


def test_an_answer_lets_all_go():
    async def main() -> None:
        gate, restraint = made(suspicious=True)
        restraint.sent()
        restraint.answered()
        assert gate.places == 64

    virtual_time.run(main())


@pytest.mark.parametrize(("told", "places"), [(True, 64), (False, 5)])
def test_a_burst_of_throttles_counts_once_and_halves_what_is_in_flight_where_no_quota_was_told(told, places):
    async def main() -> None:
        gate, restraint = made(told=told)
        restraint.answered()
        for _ in range(10):
            await gate.acquire({})
        await asyncio.sleep(1)
        pauses = [restraint.throttled(sent_at=0.5, retry_after=None) for _ in range(10)]
        assert [pause > 0 for pause in pauses] == [True] + [False] * 9
        assert gate.places == places

    virtual_time.run(main())


def test_pauses_grow_with_the_refusals_and_an_answer_takes_half_of_them_back():
    async def main() -> None:
        _, restraint = made()

        async def refused() -> float:
            sent_at = asyncio.get_running_loop().time()
            await asyncio.sleep(0.1)
            return restraint.throttled(sent_at, None)

        assert [await refused() for _ in range(4)] == [0.125, 0.25, 0.5, 1.0]
        restraint.answered()
        assert await refused() == 0.5
        assert restraint.throttled(asyncio.get_running_loop().time(), 7.0) == 7.0

    virtual_time.run(main())
