"""Slow start."""

import asyncio

import pytest

from ratelimit import virtual_time
from ratelimit.gate import Gate
from ratelimit.quota import QuotaBook
from ratelimit.slow_start import PROBE_TIME, PROBES, SlowStart


def made(*, suspicious: bool) -> tuple[Gate, SlowStart]:
    gate = Gate(QuotaBook({}), 64)
    return gate, SlowStart(gate, lambda: suspicious)


@pytest.mark.parametrize(("suspicious", "max_in_flight"), [(False, 64), (True, PROBES)])
def test_the_rest_follows_the_first_few_calls_unless_those_were_throttled(suspicious, max_in_flight):
    async def main() -> None:
        gate, calls = made(suspicious=suspicious)
        calls.sent()
        assert gate.max_in_flight == PROBES
        await asyncio.sleep(PROBE_TIME + 0.01)
        assert gate.max_in_flight == max_in_flight

    virtual_time.run(main())


def test_an_answer_restores_max_in_flight():
    async def main() -> None:
        gate, calls = made(suspicious=True)
        calls.sent()
        calls.answered()
        assert gate.max_in_flight == 64

    virtual_time.run(main())
