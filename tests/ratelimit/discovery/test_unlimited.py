"""A quota configured as `none`: nothing waits until a throttle shows that there is one."""

from functools import partial

import pytest
from one_client import Server, drive, tokens

from ratelimit.discovery.controller import Controller, QuotaUpdate
from ratelimit.discovery.knowledge import Kind, Knowledge
from ratelimit.discovery.state import Stopped, Throttle
from ratelimit.discovery.unlimited import Unlimited

MAX_IN_FLIGHT = 300


class LimitedClient:
    """A client with at most MAX_IN_FLIGHT calls in flight."""

    def __init__(self, controller: Controller) -> None:
        self.controller, self.open = controller, 0
        self.limit = controller.limit

    def wait(self, now: float, cost: float = 1.0) -> float:
        return 0.05 if self.open == MAX_IN_FLIGHT else self.controller.wait(now, cost)

    def take(self, now: float, cost: float = 1.0) -> None:
        self.open += 1
        self.controller.take(now, cost)

    def correct(self, now: float, taken_at: float, delta: float) -> None:
        self.open -= 1
        self.controller.correct(now, taken_at, delta)

    def throttled(self, now: float, taken_at: float, cost: float) -> None:
        self.open -= 1
        self.controller.throttled(now, taken_at, cost)


def test_nothing_waits_while_nothing_is_throttled():
    controller = Controller.unlimited()
    for n in range(10_000):
        assert controller.wait(n / 10_000) == 0.0
        controller.take(n / 10_000)
    controller.correct(6.0, 0.0, -0.5)
    assert controller.wait(6.0, 1e9) == 0.0
    assert isinstance(controller.state, Unlimited)
    assert controller.learned is None


def test_the_first_throttle_ends_it_at_the_rate_of_the_last_seconds():
    known = Knowledge()
    for n in range(1000):
        known.sent(100.0 + n / 20, 2.0)
    finding = Unlimited(known).throttled(150.2, Throttle(149.95, 2.0))
    assert isinstance(finding, Stopped)
    assert finding.rate == pytest.approx(40.0, rel=0.02)


def test_a_throttle_of_the_very_first_call_gives_a_rate_too():
    known = Knowledge()
    known.sent(100.0, 2.0)
    known.log.throttle(100.0, 2.0)
    finding = Unlimited(known).throttled(100.1, Throttle(100.0, 2.0))
    assert isinstance(finding, Stopped)
    assert finding.rate == pytest.approx(8.0)


def test_the_first_throttle_is_reported():
    updates: list[QuotaUpdate] = []
    controller = Controller.unlimited()
    controller.on_change = updates.append
    controller.take(0.0)
    controller.throttled(0.1, 0.0, 1.0)
    assert [change.reason for change in updates] == ["throttled at 240 a minute: measuring the quota"]


@pytest.mark.parametrize(
    ("server", "kind", "utilisation"),
    [
        (Server("bucket 1", 600e3), Kind.BUCKET, 0.95),
        (Server("bucket 10", 600e3), Kind.BUCKET, 0.95),
        (Server("bucket 60", 600e3), Kind.BUCKET, 0.95),
        (Server("sliding", 600e3), Kind.SLIDING, 0.95),
        (Server("fixed", 600e3), Kind.FIXED, 0.90),
    ],
)
def test_only_calls_in_flight_at_the_first_throttle_are_throttled(server, kind, utilisation):
    for seed in (101, 102):
        controller = Controller.unlimited()
        ran = drive(LimitedClient(controller), server, seed, minutes=8, costs=partial(tokens, burndown=1))
        assert sum(at < 1.0 for at in ran.throttled) <= MAX_IN_FLIGHT
        assert sum(at >= 1.0 for at in ran.throttled) <= 0.02 * len(ran.sent)
        assert ran.utilisation >= utilisation
        assert controller.learned is not None
        assert controller.learned.kind is kind
