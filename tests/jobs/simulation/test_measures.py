"""Measures of ledgers that are written by hand."""

import math
from collections import Counter
from typing import Any

import pytest

from jobs.emulator.quotas import QuotaRules
from jobs.record.protocol import Status
from jobs.simulation import measures
from jobs.simulation.engine_run import Run
from jobs.simulation.ledger import Call, Ledger
from jobs.simulation.scenario import QuotaChange, Scenario, Tenant
from jobs.simulation.server import SimulatedBedrock
from jobs.simulation.workload import Mix, Work


def ran(scenario: Scenario, calls: list[Call], *, seconds: float, others: list[Call] | None = None, **work: Any) -> Run:
    server = SimulatedBedrock(scenario)
    server.calls, server.others = Ledger(calls), Ledger(others or [])
    done = Run(scenario, Work(**work), server, Counter({Status.OK: len(calls)}), seconds)
    done.work.offered.extend([0.0] * len(calls))
    return done


def each(step: float, count: int, *, refused: str = "", first: float = 0.0, tokens: float = 0.0) -> list[Call]:
    times = [first + step * number for number in range(count)]
    return [Call(unit, at, at, refused, tokens, tokens, at) for unit, at in enumerate(times)]


@pytest.mark.parametrize(
    ("rules", "phase", "seconds", "minutes"),
    [
        (QuotaRules(rpm=60, burst=1), 0, 600, 10 + 1 / 60),
        (QuotaRules(rpm=60, burst=60), 0, 600, 11),
        (QuotaRules(rpm=60, refill="fixed"), 0, 600, 10),
        (QuotaRules(rpm=60, refill="fixed"), 30, 600, 11),
        (QuotaRules(rpm=60, refill="fixed"), 59, 61, 2),
        (QuotaRules(rpm=60, refill="sliding"), 30, 600, 10),
        (QuotaRules(rpm=60, refill="sliding"), 0, 601, 11),
    ],
)
def test_what_an_all_knowing_client_could_have(rules, phase, seconds, minutes):
    assert measures.available(Scenario(rules), phase, 0.0, seconds) == pytest.approx(minutes)


@pytest.mark.parametrize(
    ("refill", "factor", "minutes"),
    [("bucket", 2.0, 5 + 10 + 1 / 60), ("fixed", 2.0, 15), ("sliding", 0.5, 7.5), ("bucket", 0.5, 7.5 + 1 / 60)],
)
def test_a_changed_quota_counts_from_its_time(refill, factor, minutes):
    scenario = Scenario(QuotaRules(rpm=60, refill=refill), changes=(QuotaChange(300.0, factor),))
    assert measures.available(scenario, 0.0, 0.0, 600.0) == pytest.approx(minutes)


def test_utilisation_is_admitted_over_available():
    calls = each(2.0, 300) + each(2.0, 300, refused="requests", first=1.0)
    done = ran(Scenario(QuotaRules(rpm=60, burst=1)), calls, seconds=600.0)
    assert measures.utilisation(done) == pytest.approx(300 / 601)
    assert measures.throttle_rate(done) == 0.5


def test_what_other_tenants_had_is_not_ours_to_use():
    scenario = Scenario(QuotaRules(rpm=60, burst=1), tenants=(Tenant(0.0, 600.0, 30.0),))
    others = each(2.0, 300) + each(2.0, 100, refused="requests")
    done = ran(scenario, each(4.0, 150), seconds=600.0, others=others)
    assert measures.utilisation(done) == pytest.approx(150 / 301)
    assert measures.utilisation(done, 300.0, 600.0) == pytest.approx(75 / 150)


def test_tokens_are_settled_or_still_reserved():
    calls = [Call(0, 0, 0, "", 3000, 1000, 5.0), Call(1, 1, 1, "", 3000, 1000, 70.0), Call(2, 2, 2, "tokens", 3000)]
    done = ran(Scenario(QuotaRules(tpm=6000, burst=60)), calls, seconds=60.0)
    assert measures.utilisation(done) == pytest.approx(4000 / 12_000)


def test_of_two_quotas_the_one_that_binds_counts_in_each_stretch_of_the_work():
    """60 small calls take a minute of requests, 10 large ones a minute of tokens."""
    small = each(1.0, 60, tokens=10)
    large = [Call(60 + n, 60 + n, 60 + n, "", 600, 600, 60.5 + n) for n in range(10)]
    done = ran(
        Scenario(QuotaRules(rpm=60, tpm=6000, refill="fixed"), phase=0.0), small + large, seconds=120.0,
        mixes=(Mix(), Mix()), block=60,
    )  # fmt: skip
    assert measures.utilisation(done) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("calls", "start", "seconds"),
    [
        (each(1.0, 600), 0.0, 0.0),
        (each(2.0, 50) + each(1.0, 500, first=100.0), 0.0, 96.0),  # a window of 20 s that is half of the one, half...
        (each(2.0, 50) + each(1.0, 500, first=100.0), 50.0, 46.0),
        (each(2.0, 300), 0.0, math.inf),
        (each(1.0, 17), 0.0, math.inf),
    ],
)
def test_when_nine_tenths_were_reached(calls, start, seconds):
    done = ran(Scenario(QuotaRules(rpm=60, burst=1)), calls, seconds=600.0)
    assert measures.reached(done, start=start) == pytest.approx(seconds, abs=1.0)


def test_a_quantile_is_the_nearest_rank():
    assert [measures.quantile([1.0, 2.0, 3.0, 4.0], part) for part in (0.5, 0.51, 0.95, 1.0)] == [2.0, 3.0, 4.0, 4.0]
    assert measures.quantile([], 0.5) == 0.0


def test_lost_units_are_those_that_will_have_no_answer():
    done = ran(Scenario(QuotaRules()), [], seconds=10.0)
    done.statuses.update({Status.OK: 5, Status.NEW: 3, Status.FAILED: 2, Status.HELD: 1})
    assert measures.lost(done) == 3


@pytest.mark.parametrize(
    ("shares", "index"), [([1, 1, 1], 1.0), ([1, 0, 0, 0], 0.25), ([3, 1], 0.8), ([0, 0], 1.0), ([], 1.0)]
)
def test_jains_index(shares, index):
    assert measures.jain(shares) == pytest.approx(index)
