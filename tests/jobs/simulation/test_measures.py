"""Measures that several figures share."""

from collections import Counter

import pytest

from jobs.emulator.quotas import QuotaRules
from jobs.record.protocol import Status
from jobs.simulation import measures
from jobs.simulation.engine_run import Run
from jobs.simulation.scenario import QuotaChange, Scenario
from jobs.simulation.server import SimulatedBedrock
from jobs.simulation.workload import Workload


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
def test_available_quota_by_refill(rules, phase, seconds, minutes):
    assert measures.available(Scenario(rules), phase, 0.0, seconds) == pytest.approx(minutes)


@pytest.mark.parametrize(
    ("refill", "factor", "minutes"),
    [("bucket", 2.0, 5 + 10 + 1 / 60), ("fixed", 2.0, 15), ("sliding", 0.5, 7.5), ("bucket", 0.5, 7.5 + 1 / 60)],
)
def test_a_quota_change_counts_from_its_time_on(refill, factor, minutes):
    scenario = Scenario(QuotaRules(rpm=60, refill=refill), changes=(QuotaChange(300.0, factor),))
    assert measures.available(scenario, 0.0, 0.0, 600.0) == pytest.approx(minutes)


def test_a_quantile_is_the_nearest_rank():
    values = [1.0, 2.0, 3.0, 4.0]
    assert [measures.quantile(values, fraction) for fraction in (0.5, 0.51, 0.95, 1.0)] == [2.0, 3.0, 4.0, 4.0]
    assert measures.quantile([], 0.5) == 0.0


def test_waiting_units_are_not_lost():
    scenario = Scenario(QuotaRules())
    statuses = Counter({Status.OK: 5, Status.NEW: 3, Status.FAILED: 2, Status.HELD: 1})
    assert measures.lost(Run(scenario, Workload(), SimulatedBedrock(scenario), statuses, 10.0)) == 3


@pytest.mark.parametrize(
    ("shares", "index"), [([1, 1, 1], 1.0), ([1, 0, 0, 0], 0.25), ([3, 1], 0.8), ([0, 0], 1.0), ([], 1.0)]
)
def test_jains_index(shares, index):
    assert measures.jain(shares) == pytest.approx(index)
