"""The gate for each kind of quota."""

import math
from itertools import pairwise
from types import SimpleNamespace

import pytest
from engine_gates import analyze_gate

from jobs.requests.cost import REQUESTS, TOKENS
from ratelimit import virtual_time
from ratelimit.discovery.controller import Controller
from ratelimit.known_quota import KnownQuota


def limiters(**quotas):
    settings = SimpleNamespace(
        **{"rpm": None, "tpm": None, "burst": 1.0, "emulate": False, **quotas},
        concurrency=10, budget=None, on_outage="wait", pacing="burst",
    )  # fmt: skip
    return {name: dimension.limiter for name, dimension in analyze_gate(settings).book.dimensions.items()}


@pytest.mark.parametrize(("burst", "held"), [(1.0, 10.0), (60.0, 600.0), (0.05, 0.5)])
def test_a_configured_quota_is_a_known_quota_with_its_burst(burst, held):
    requests = limiters(rpm=600.0, tpm=math.inf, burst=burst)[REQUESTS]
    assert isinstance(requests, KnownQuota)
    assert requests.limit == pytest.approx(held)


def test_half_a_request_a_minute_is_one_every_two_minutes():
    settings = SimpleNamespace(
        rpm=0.5, tpm=math.inf, burst=1.0, emulate=False, concurrency=10, budget=None, on_outage="wait", pacing="burst"
    )

    async def main():
        gate, starts = analyze_gate(settings), []
        for _ in range(3):
            await gate.acquire({REQUESTS: 1.0})
            starts.append(gate.now())
        return starts

    starts = virtual_time.run(main())
    assert [later - earlier for earlier, later in pairwise(starts)] == pytest.approx([120.0, 120.0], rel=0.01)


def test_an_auto_quota_is_learned_and_none_limits_nothing():
    learned = limiters(tpm=math.inf)
    for name, waits in ((REQUESTS, True), (TOKENS, False)):
        limiter = learned[name]
        assert isinstance(limiter, Controller)
        for _ in range(100):
            limiter.take(0.0, 1.0)
        assert (limiter.wait(0.0) > 0) == waits


def test_the_built_in_emulator_has_no_quota_to_learn():
    assert limiters(emulate=True) == {}
