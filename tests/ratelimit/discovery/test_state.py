"""The states of a controller: in each of them `wait` is a query."""

import copy
from functools import cache

import pytest
from asking import decisions, steps
from hypothesis import given, settings
from one_client import Server, drive

from ratelimit.discovery.bucket import Bucket
from ratelimit.discovery.controller import Controller
from ratelimit.discovery.knowledge import Kind
from ratelimit.discovery.learned import Learned, Remembered
from ratelimit.discovery.probe import Probe
from ratelimit.discovery.ramp import Ramp
from ratelimit.discovery.unlimited import Unlimited
from ratelimit.discovery.window import Window


def driven(kind: str, seconds: float) -> Controller:
    controller = Controller()
    drive(controller, Server(kind, 300.0), 3, minutes=seconds / 60)
    return controller


def probing() -> Controller:
    controller = driven("bucket 1", 240.0)
    controller.take(240.0)
    controller.throttled(240.1, 240.0, 1.0)
    return controller


def trying(kind: str, seconds: float) -> Controller:
    """A window just before a trial."""
    controller = driven(kind, seconds)
    controller.state.try_after = 1.0
    return controller


@cache
def controllers() -> dict[str, Controller]:
    return {
        "ramp": Controller(),
        "unlimited": Controller.unlimited(),
        "probe": probing(),
        "bucket": driven("bucket 10", 240.0),
        "sliding window": driven("sliding", 240.0),
        "fixed window": driven("fixed", 240.0),
        "sliding window, trial": trying("sliding", 240.0),
        "fixed window, trial": trying("fixed", 250.0),
        "remembered bucket": Controller(Remembered(Learned(Kind.BUCKET, 300.0, 1.0), 3600.0)),
        "remembered window": Controller(Remembered(Learned(Kind.SLIDING, 300.0, 1.0), 3600.0, idle=20.0)),
    }


def test_the_controllers_are_in_all_states():
    assert {type(controller.state) for controller in controllers().values()} == {Ramp, Unlimited, Probe, Bucket, Window}


@pytest.mark.parametrize("name", controllers())
@settings(deadline=None, max_examples=60)
@given(happening=steps)
def test_wait_changes_no_later_decision(name, happening):
    silent, asked = (copy.deepcopy(controllers()[name]) for _ in range(2))
    expected = decisions(silent, happening, 251.0, 1.0, ask=False)
    assert decisions(asked, happening, 251.0, 1.0, ask=True) == pytest.approx(expected, abs=1e-6)
    for controller in (silent, asked):
        controller.wait(1e5)  # past every deadline
    assert type(asked.state) is type(silent.state)
    assert asked.known.limit == pytest.approx(silent.known.limit)
