"""The gateways: published examples, and the contract of all of them."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratelimit.algorithms.api_gateway import ApiGateway
from ratelimit.algorithms.kong import KongFixed, KongSliding
from ratelimit.algorithms.nginx import LimitReq
from ratelimit.algorithms.protocol import PASSED, Gatekeeper

GATEKEEPERS: dict[str, tuple[Callable[[], Gatekeeper], float, float]] = {
    "nginx": (lambda: LimitReq("2r/s", burst=4, nodelay=True), 5, 2),
    "nginx, r/m": (lambda: LimitReq("7r/m", burst=2, delay=1), 3, 7 / 60),
    "kong": (lambda: KongFixed(5, 10), 10, 0.5),
    "kong-sliding": (lambda: KongSliding(5, 10), 10, 0.5),
    "api-gateway": (lambda: ApiGateway(0.5, 5), 5, 0.5),
}
"""Each with the burst and rate that bound what it passes."""
every_gatekeeper = pytest.mark.parametrize(("make", "burst", "rate"), GATEKEEPERS.values(), ids=[*GATEKEEPERS])
START = 1_234_567.891
arrivals = st.lists(st.one_of(st.just(0.0), st.floats(0, 3)), max_size=80)
"""Seconds between arrivals."""


@every_gatekeeper
@given(pauses=arrivals)
def test_no_interval_passes_more_than_the_burst_and_the_rate(make, burst, rate, pauses):
    gatekeeper, now, passed = make(), START, []
    for pause in pauses:
        now += pause
        if gatekeeper.arrive(now).passed:
            passed.append(now)
    for first, start in enumerate(passed):
        for count, end in enumerate(passed[first:], 1):
            assert count <= burst + rate * (end - start + 0.001) + 1e-6


@every_gatekeeper
@given(pauses=arrivals)
def test_only_throttled_requests_get_a_retry_after(make, burst, rate, pauses):
    gatekeeper, now = make(), START
    for pause in pauses:
        now += pause
        passed, delay, retry_after = gatekeeper.arrive(now)
        assert (retry_after >= 1) is not passed
        assert isinstance(retry_after, int)
        assert delay == 0.0 if not passed else delay >= 0.0


@pytest.mark.parametrize("name", ["nginx", "nginx, r/m", "kong", "api-gateway"])
@given(pauses=arrivals)
def test_a_lone_client_that_obeys_retry_after_passes(name, pauses):
    gatekeeper, now = GATEKEEPERS[name][0](), START
    for pause in pauses:
        now += pause
        verdict = gatekeeper.arrive(now)
        if not verdict.passed:
            now += verdict.retry_after
            assert gatekeeper.arrive(now).passed


NGINX: dict[str, tuple[Callable[[], LimitReq], list[tuple[int, int | None]]]] = {
    "2r/s burst=1 nodelay": (
        lambda: LimitReq("2r/s", burst=1, nodelay=True),
        [(0, 0), (0, 0), (0, None), (499, None), (500, 0), (999, None), (1000, 0)],
    ),
    "10r/s burst=5": (
        lambda: LimitReq("10r/s", burst=5),
        [(0, 0), (0, 100), (0, 200), (0, 300), (0, 400), (0, 500), (0, None), (100, 500), (150, None)],
    ),
    "30r/m burst=2 delay=1": (
        lambda: LimitReq("30r/m", burst=2, delay=1),
        [(0, 0), (0, 0), (0, 2000), (0, None), (2000, 2000)],
    ),
    "1r/m": (lambda: LimitReq("1r/m"), [(0, 0), (60_000, None), (62_499, None), (62_500, 0)]),
    "5r/s burst=12 delay=8": (
        lambda: LimitReq("5r/s", burst=12, delay=8),
        [(0, 0)] * 9 + [(0, 200), (0, 400), (0, 600), (0, 800), (0, None), (0, None)],
    ),
    "a clock that is set back by 50 s stands still, by more it goes on by 1 ms": (
        lambda: LimitReq("1000r/s", burst=2, nodelay=True),
        [(100_000, 0), (100_000, 0), (50_000, 0), (50_000, None), (99_000, None), (1_000, 0), (1_001, 0)],
    ),
}


@pytest.mark.parametrize("start", [0, 1_700_000_000], ids=["from zero", "time of day"])
@pytest.mark.parametrize("name", NGINX)
def test_nginx(name, start):
    """(milliseconds, delay in milliseconds; None: throttled)."""
    make, ledger = NGINX[name]
    gate = make()
    for time, delay in ledger:
        verdict = gate.arrive(start + time / 1000)
        assert (verdict.delay * 1000 if verdict.passed else None) == delay, time


@pytest.mark.parametrize("rate", ["", "10", "0r/s", "1.5r/s", "10r/h", "-1r/s", "r/s"])
def test_nginx_rejects_an_invalid_rate(rate):
    with pytest.raises(ValueError, match="as in 10r/s"):
        LimitReq(rate)


def test_nginx_retry_after_is_when_the_next_request_passes():
    gate = LimitReq("1r/m")
    assert gate.arrive(0).passed
    assert gate.arrive(10).retry_after == 53  # 62.5 s after the first
    assert gate.arrive(62.499).retry_after == 1


def test_kong_three_a_minute():
    gate = KongFixed(3)
    for second, remaining in ((10.2, 2), (20, 1), (30.9, 0)):
        assert gate.arrive(second) == PASSED
        assert gate.limit - gate.used == remaining
    assert gate.arrive(45.9) == (False, 0.0, 15)
    assert gate.arrive(59.999).retry_after == 1


def test_kong_passes_twice_its_limit_around_a_boundary():
    gate = KongFixed(3)
    assert [gate.arrive(now).passed for now in (59, 59, 59, 59, 60, 60, 60, 60)] == [1, 1, 1, 0, 1, 1, 1, 0]


@pytest.mark.parametrize(("into", "usage", "passed"), [(15, 11.5, False), (15.9, 11.5, False), (30, 9, True)])
def test_kong_sliding_with_10_before_and_4_now(into, usage, passed):
    gate = KongSliding(10)
    for now in [30] * 10 + [60] * 3:
        gate.arrive(now)
    assert gate.arrive(60 + into).passed is passed
    assert gate.usage == usage


def test_kong_sliding_retry_after_is_the_rest_of_the_window_plus_the_excess():
    gate = KongSliding(10)
    assert [gate.arrive(15).retry_after for _ in range(12)] == [0] * 10 + [45 + 6, 45 + 12]
    assert gate.arrive(50).retry_after == 10 + 18


def test_kong_sliding_stays_shut_while_throttled_clients_keep_calling():
    """Limit ten a minute, twenty arrive: throttled requests count in the next minutes too."""
    gate = KongSliding(10)
    assert sum(gate.arrive(now).passed for now in range(0, 60, 3)) == 10
    assert [sum(gate.arrive(now).passed for now in range(start, start + 60, 3)) for start in (60, 120, 180)] == [0] * 3


def test_kong_sliding_may_throttle_a_client_that_obeys_retry_after():
    gate = KongSliding(10)
    verdicts = [gate.arrive(0) for _ in range(11)]
    assert not gate.arrive(verdicts[-1].retry_after).passed


def test_api_gateway_rate_10000_burst_5000():
    gate = ApiGateway(10_000, 5_000)
    assert sum(gate.arrive(0).passed for _ in range(10_000)) == 5_000
    gate = ApiGateway(10_000, 5_000)
    assert sum(gate.arrive(now).passed for now in (0.0, 0.1) for _ in range(5_000)) == 6_000
