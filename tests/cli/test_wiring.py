"""How the pieces are put together for a told quota."""

import random

import pytest

from cli import wiring
from ratelimit.algorithms.token_bucket import TokenBucket

JITTER = 0.015
"""Seconds: how much longer one call may travel than another (the way to a region, and the commit before it)."""


@pytest.mark.parametrize("rpm", [20, 30, 60, 119, 120, 300, 600, 6000])
def test_a_told_quota_is_used_and_never_passed_though_calls_travel_unevenly(rpm):
    rng = random.Random(rpm)
    client, server = wiring._bucket(rpm, 1.0, 1.0), TokenBucket(rpm / 60, max(1.0, rpm / 60))
    now, refused, calls = 0.0, 0, 0
    while now < 600:
        now += client.wait(now, min(1.0, client.limit))
        client.take(now, 1.0)
        arrival = now + rng.uniform(0, JITTER)
        calls += 1
        refused += server.wait(arrival) > 1e-9
        server.take(arrival)
    assert refused == 0
    assert calls >= 0.97 * rpm * 10
