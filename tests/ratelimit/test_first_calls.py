"""The first few calls."""

import asyncio

import pytest

from ratelimit import virtual_time
from ratelimit.first_calls import PROBE_TIME, PROBES, FirstCalls
from ratelimit.gate import Gate
from ratelimit.quota import QuotaBook


def made(*, suspicious: bool) -> tuple[Gate, FirstCalls]:
    gate = Gate(QuotaBook({}), 64)
    return gate, FirstCalls(gate, lambda: suspicious)


@pytest.mark.parametrize(("suspicious", "places"), [(False, 64), (True, PROBES)])
def test_a_few_calls_go_first_and_the_others_follow_unless_those_were_refused(suspicious, places):
    async def main() -> None:
        gate, calls = made(suspicious=suspicious)
        calls.sent()
        assert gate.places == PROBES
        await asyncio.sleep(PROBE_TIME + 0.01)
        assert gate.places == places

    virtual_time.run(main())


def test_an_answer_lets_all_go():
    async def main() -> None:
        gate, calls = made(suspicious=True)
        calls.sent()
        calls.answered()
        assert gate.places == 64

    virtual_time.run(main())
