"""What a controller learns and reports, and a second controller that starts from it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from one_client import Server, drive, one_request, tokens

from ratelimit.algorithms.fixed_window import FixedWindow
from ratelimit.algorithms.sliding_log import SlidingLog
from ratelimit.discovery.controller import Controller, QuotaUpdate
from ratelimit.discovery.knowledge import Kind
from ratelimit.discovery.learned import FORGOTTEN, Learned, Remembered, figure, shown
from ratelimit.discovery.ramp import Ramp

DAY = 86_400.0
KINDS = {"bucket 1": Kind.BUCKET, "bucket 10": Kind.BUCKET, "fixed": Kind.FIXED, "sliding": Kind.SLIDING}
QUOTAS = ((600.0, one_request), (600e3, tokens))
every_kind = pytest.mark.parametrize("kind", KINDS)
both_quotas = pytest.mark.parametrize(("quota", "costs"), QUOTAS, ids=["requests", "tokens"])


def listened(controller: Controller) -> list[QuotaUpdate]:
    changes: list[QuotaUpdate] = []
    controller.on_change = changes.append
    return changes


@both_quotas
@every_kind
def test_the_next_run_uses_a_learned_quota_at_once(kind, quota, costs):
    first = Controller()
    drive(first, Server(kind, quota), 101, minutes=6, costs=costs)
    assert first.learned is not None
    assert first.learned.kind is KINDS[kind]
    assert first.learned.per_minute == pytest.approx(quota, rel=0.03)
    ran = drive(Controller(Remembered(first.learned, DAY)), Server(kind, quota), 151, minutes=4, costs=costs)
    assert ran.reaches(0.9 * quota) <= 25.0
    assert sum(at < 60 for at in ran.throttled) <= 12
    assert ran.utilisation >= 0.8  # of all five windows in four minutes
    assert ran.rate(0.0, 60.0) >= 0.93 * quota


@pytest.mark.parametrize(("factor", "within"), [(0.5, 60.0), (2.0, 150.0)])
@every_kind
def test_a_quota_that_changed_between_two_runs_is_found(kind, factor, within):
    quota = 600.0 * factor
    again = Controller(Remembered(Learned(KINDS[kind], 600.0, 1.0), DAY))
    ran = drive(again, Server(kind, quota), 151, minutes=8)
    assert ran.reaches(0.9 * quota) <= within
    assert ran.throttle_rate <= 0.02
    assert again.learned is not None
    assert again.learned.per_minute == pytest.approx(quota, rel=0.06)


@every_kind
def test_an_older_quota_starts_lower_and_after_30_days_is_forgotten(kind):
    learned = Learned(KINDS[kind], 600.0, 1.0)
    rates = []
    for age in (3600.0, 7 * DAY, 29 * DAY):
        ran = drive(Controller(Remembered(learned, age)), Server("bucket 60", 60_000.0), 151, minutes=0.15)
        rates.append(ran.rate(0.0, 9.0))
    assert rates[0] > rates[1] > rates[2] >= 250.0
    assert Controller(Remembered(learned, FORGOTTEN)).learned is None
    assert isinstance(Controller(Remembered(learned, FORGOTTEN)).state, Ramp)


def test_a_run_right_after_another_counts_its_calls_in_the_window():
    controller = Controller(Remembered(Learned(Kind.SLIDING, 600.0, 1.0), DAY, idle=15.0))
    sent, now = 0, 1000.0
    while now < 1020.0:
        wait = controller.wait(now)
        if wait == 0.0:
            controller.take(now)
            sent += 1
        now += max(wait, 0.001)
    assert sent <= 150 + 200 + 1  # room of 15 idle seconds, plus what leaves in the next 20 s


@pytest.mark.parametrize("quota", [60, 600])
@pytest.mark.parametrize("server", [SlidingLog, FixedWindow])
def test_a_window_filled_by_another_run_does_not_lower_the_quota(server, quota):
    books, now, passed = server(quota, 60.0), 3.0, 0
    for number in range(quota):
        books.take(35.0 * (number / quota - 1))
    controller = Controller(Remembered(Learned(Kind.SLIDING, quota, 1.0), DAY))
    changes = listened(controller)
    while now < 123.0:
        if (wait := controller.wait(now)) > 0.0:
            now += max(wait, 0.001)
            continue
        controller.take(now)
        if books.wait(now) == 0.0:
            books.take(now)
            passed += 1
        else:
            now += 0.1
            controller.throttled(now, now - 0.1, 1.0)
    assert passed >= 1.3 * quota
    assert min(change.new or 0.0 for change in changes) >= 0.9 * quota


def test_a_remembered_quota_stays_the_same_object_until_it_is_measured():
    learned = Learned(Kind.BUCKET, 600.0, 1.0)
    controller = Controller(Remembered(learned, DAY))
    drive(controller, Server("bucket 1", 6000.0), 151, minutes=0.1)
    assert controller.learned is learned


@pytest.mark.parametrize("age", [60.0, DAY, 29.9 * DAY])
@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("per_minute", [1.0, 10.0])
def test_a_small_quota_lets_a_call_through(kind, per_minute, age):
    controller = Controller(Remembered(Learned(kind, per_minute, 1.0), age))
    assert controller.wait(0.0) == 0.0
    controller.take(0.0)
    assert 0.0 < controller.wait(0.0) < 200.0


@both_quotas
@every_kind
def test_half_an_hour_takes_a_handful_of_reports(kind, quota, costs):
    controller = Controller()
    changes = listened(controller)
    drive(controller, Server(kind, quota), 102, minutes=30, costs=costs)
    lines = [change.reason for change in changes if change.reason]
    assert 2 <= len(lines) <= 8
    assert lines[0].startswith("throttled at ")
    assert changes[0].new is None
    assert changes[-1].new == pytest.approx(quota, rel=0.03)
    assert [change.old for change in changes[1:]] == [change.new for change in changes[:-1]]


@pytest.mark.parametrize(
    ("learned", "age", "line"),
    [
        (
            Learned(Kind.BUCKET, 598.2, 1.0),
            20.3 * 3600,
            "token bucket, refills 598 a minute, learned 20 hours",
        ),
        (Learned(Kind.FIXED, 600.0, 1.0), DAY, "fixed window of 600 a minute, learned 1 day"),
        (Learned(Kind.SLIDING, 598_312.0, 2e3), 90.0, "sliding window of 598,000 a minute, learned 2 minutes"),
    ],
)
def test_a_remembered_quota_is_reported_with_its_age(learned, age, line):
    controller = Controller(Remembered(learned, age))
    changes = listened(controller)
    controller.wait(5.0)
    assert [(change.old, change.new, change.reason) for change in changes] == [
        (None, learned.per_minute, f"{line} ago")
    ]


def test_a_grown_quota_is_reported():
    controller = Controller()
    changes = listened(controller)
    drive(controller, Server("bucket 10", 600.0, ((400.0, 1200.0),)), 101, minutes=12)
    assert any(change.reason.startswith("grew to 1,2") or "grew to 1,1" in change.reason for change in changes)


@given(st.floats(1e-3, 1e12))
def test_figures_have_three_digits(amount):
    assert figure(amount) == pytest.approx(amount, rel=0.0051)
    assert sum(digit.isdigit() for digit in shown(amount).strip("0.,").replace("0", "")) <= 3
    assert not math.isnan(float(shown(amount).replace(",", "")))


def test_a_limit_raised_by_trials_is_learned_step_by_step_and_reported_once():
    controller = Controller(Remembered(Learned(Kind.SLIDING, 2.0, 1.0), DAY))
    changes = listened(controller)
    ran = drive(controller, Server("sliding", 600.0), 151, minutes=5)
    assert controller.learned is not None
    assert controller.learned.per_minute >= 0.9 * ran.rate(240.0, 300.0)
    assert max(change.new or 0.0 for change in changes) >= 0.9 * ran.rate(240.0, 300.0)
    assert sum(bool(change.reason) for change in changes) <= 6
