"""The measures of the rate engine, on hand-written ledgers."""

import math
from collections import Counter
from typing import Any

import pytest
import rate_measures
from alternating_workload import AlternatingWorkload

from jobs.emulator.quotas import QuotaRules
from jobs.record.protocol import Status
from jobs.simulation.engine_run import Run
from jobs.simulation.ledger import ServerLedger, SimulatedCall
from jobs.simulation.scenario import Scenario, Tenant
from jobs.simulation.server import SimulatedBedrock
from jobs.simulation.workload import Mix


def run_of(
    scenario: Scenario,
    calls: list[SimulatedCall],
    *,
    seconds: float,
    tenant_calls: list[SimulatedCall] | None = None,
    **workload: Any,
) -> Run:
    server = SimulatedBedrock(scenario)
    server.calls, server.tenant_calls = ServerLedger(calls), ServerLedger(tenant_calls or [])
    return Run(scenario, AlternatingWorkload(**workload), server, Counter({Status.OK: len(calls)}), seconds)


def every(step: float, count: int, *, error: str = "", first: float = 0.0, tokens: float = 0.0) -> list[SimulatedCall]:
    times = [first + step * number for number in range(count)]
    return [SimulatedCall(unit, at, at, error, tokens, tokens, at) for unit, at in enumerate(times)]


def test_utilisation_is_admitted_over_available():
    calls = every(2.0, 300) + every(2.0, 300, error="requests", first=1.0)
    done = run_of(Scenario(QuotaRules(rpm=60, burst=1)), calls, seconds=600.0)
    assert rate_measures.utilisation(done) == pytest.approx(300 / 601)
    assert rate_measures.throttle_rate(done) == 0.5


def test_utilisation_excludes_the_share_of_other_tenants():
    scenario = Scenario(QuotaRules(rpm=60, burst=1), tenants=(Tenant(0.0, 600.0, 30.0),))
    tenant_calls = every(2.0, 300) + every(2.0, 100, error="requests")
    done = run_of(scenario, every(4.0, 150), seconds=600.0, tenant_calls=tenant_calls)
    assert rate_measures.utilisation(done) == pytest.approx(150 / 301)
    assert rate_measures.utilisation(done, 300.0, 600.0) == pytest.approx(75 / 150)


def test_tokens_count_as_settled_or_as_reserved_while_in_flight():
    calls = [
        SimulatedCall(0, 0, 0, "", 3000, 1000, 5.0),
        SimulatedCall(1, 1, 1, "", 3000, 1000, 70.0),
        SimulatedCall(2, 2, 2, "tokens", 3000),
    ]
    done = run_of(Scenario(QuotaRules(tpm=6000, burst=60)), calls, seconds=60.0)
    assert rate_measures.utilisation(done) == pytest.approx(4000 / 12_000)


def test_the_binding_quota_counts_for_each_mix():
    """60 small calls take a minute of requests, 10 large ones a minute of tokens."""
    small = every(1.0, 60, tokens=10)
    large = [SimulatedCall(60 + n, 60 + n, 60 + n, "", 600, 600, 60.5 + n) for n in range(10)]
    scenario = Scenario(QuotaRules(rpm=60, tpm=6000, refill="fixed"), phase=0.0)
    done = run_of(scenario, small + large, seconds=120.0, mixes=(Mix(), Mix()), block=60)
    assert rate_measures.utilisation(done) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("calls", "start", "seconds"),
    [
        (every(1.0, 600), 0.0, 0.0),
        (every(2.0, 50) + every(1.0, 500, first=100.0), 0.0, 96.0),  # the window of 20 s covers both rates
        (every(2.0, 50) + every(1.0, 500, first=100.0), 50.0, 46.0),
        (every(2.0, 300), 0.0, math.inf),
        (every(1.0, 17), 0.0, math.inf),
    ],
)
def test_seconds_to_90_percent_utilisation(calls, start, seconds):
    done = run_of(Scenario(QuotaRules(rpm=60, burst=1)), calls, seconds=600.0)
    assert rate_measures.seconds_to_utilisation(done, start=start) == pytest.approx(seconds, abs=1.0)
