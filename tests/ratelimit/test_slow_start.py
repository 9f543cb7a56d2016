"""Few calls in flight until one is answered."""

import asyncio

import pytest

from ratelimit import virtual_time
from ratelimit.gate import Gate
from ratelimit.quota import QuotaBook
from ratelimit.slow_start import PROBE_TIME, PROBES, SlowStart


def slow_start(*, rejected: bool) -> tuple[Gate, SlowStart]:
    gate = Gate(QuotaBook({}), 64)
    slow = SlowStart(gate, lambda: rejected)
    assert gate.max_in_flight == 64
    slow.begin()
    return gate, slow


@pytest.mark.parametrize(("rejected", "max_in_flight"), [(False, 64), (True, PROBES)])
def test_the_limit_is_lifted_after_a_moment_unless_calls_were_rejected(rejected, max_in_flight):
    async def main() -> None:
        gate, slow = slow_start(rejected=rejected)
        slow.sent()
        assert gate.max_in_flight == PROBES
        await asyncio.sleep(PROBE_TIME + 0.01)
        assert gate.max_in_flight == max_in_flight

    virtual_time.run(main())


def test_the_first_answer_lifts_the_limit():
    async def main() -> None:
        gate, slow = slow_start(rejected=True)
        slow.sent()
        slow.answered()
        assert gate.max_in_flight == 64

    virtual_time.run(main())
