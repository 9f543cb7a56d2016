"""API Gateway's throttling: exactly what its bucket allows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratelimit.algorithms.api_gateway import ApiGateway

START = 1_234_567.891
arrivals = st.lists(st.one_of(st.just(0.0), st.floats(0, 0.5), st.floats(0, 30)), min_size=1, max_size=80)
"""Seconds between arrivals."""
rates = st.floats(0.1, 50)
bursts = st.integers(1, 8)


@pytest.mark.parametrize(
    ("at", "passed"),
    [
        ([0.0] * 10_000, 5_000),
        ([0.0] * 5_000 + [0.1] * 5_000, 6_000),
        ([second / 10_000 for second in range(10_000)], 10_000),
        ([0.0] * 5_000 + [0.5] * 6_000, 10_000),
    ],
    ids=["all at once", "half at once, half at the 101st ms", "evenly", "a burst, and half a second later another"],
)
def test_rate_10000_burst_5000(at, passed):
    gate = ApiGateway(10_000, 5_000)
    assert sum(gate.arrive(now).passed for now in at) == passed


@given(rate=rates, burst=bursts, pauses=arrivals)
def test_a_request_passes_exactly_when_every_interval_ending_with_it_conforms(rate, burst, pauses):
    gate, now, passed = ApiGateway(rate, burst), START, []
    for pause in pauses:
        now += pause
        room = min([burst, *(burst + rate * (now - since) - len(passed[n:]) for n, since in enumerate(passed))])
        if gate.arrive(now).passed:
            assert room > 1 - 1e-6
            passed.append(now)
        else:
            assert room < 1 + 1e-6


@given(rate=rates, burst=bursts, pauses=arrivals)
def test_retry_after_is_the_first_whole_second_at_which_a_request_passes(rate, burst, pauses):
    gate, now = ApiGateway(rate, burst), START
    for pause in pauses:
        now += pause
        _, _, retry_after = gate.arrive(now)
        if retry_after > 1:
            assert not gate.arrive(now + retry_after - 1 - 1e-6).passed
        now += retry_after
        assert not retry_after or gate.arrive(now + 1e-6).passed
