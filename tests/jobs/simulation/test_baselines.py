"""The baselines: retries, pacing and gateways."""

from collections import Counter
from itertools import pairwise

import pytest
import rate_measures

from jobs.emulator.quotas import QuotaRules
from jobs.record.protocol import Status
from jobs.simulation.baseline_client import MAX_ATTEMPTS
from jobs.simulation.baselines import BASELINES, run_baseline
from jobs.simulation.engine_run import Run
from jobs.simulation.experiment import Experiment
from jobs.simulation.measures import admitted, lost
from jobs.simulation.scenario import Outage, Scenario, Timing
from jobs.simulation.tally import summarise


def run_requests(name: str, requests: int | None = 100, *, scenario: Scenario | None = None, **settings) -> Run:
    return run_baseline(name, Experiment(scenario=scenario or with_quota(60), requests=requests, **settings))


def with_quota(rpm: float, **settings) -> Scenario:
    return Scenario(QuotaRules(rpm=rpm, **settings), seed=4)


@pytest.mark.parametrize("name", BASELINES)
def test_each_request_is_answered_once_or_given_up_after_eight_attempts(name):
    done = run_requests(name)
    attempts = Counter(call.unit for call in done.server.calls)
    answered = Counter(call.unit for call in admitted(done.server.calls))
    assert done.statuses.total() == 100
    assert done.statuses[Status.OK] == len(answered)
    assert max(answered.values()) == 1
    if not done.gateway_throttles:
        assert all(attempts[unit] == MAX_ATTEMPTS for unit in range(100) if unit not in answered)
    assert max(attempts.values()) <= MAX_ATTEMPTS


@pytest.mark.parametrize("name", BASELINES)
def test_a_seed_reproduces_the_run(name):
    def calls() -> list[tuple[int, float, str]]:
        return [(call.unit, call.arrived, call.error) for call in run_requests(name).server.calls]

    assert calls() == calls()


@pytest.mark.parametrize("name", BASELINES)
def test_requests_waiting_at_the_end_of_a_timed_run_are_not_lost(name):
    done = run_requests(name, None, duration=20.0, concurrency=20)
    assert done.seconds == 20.0
    assert lost(done) == done.statuses[Status.FAILED]


def test_none_retries_immediately():
    done = run_requests("none", 10, scenario=with_quota(6))
    sent = [call.sent for call in done.server.calls if call.unit == 9]
    assert len(sent) == MAX_ATTEMPTS
    assert all(0.05 <= after - before <= 0.2 for before, after in pairwise(sent))


@pytest.mark.parametrize("name", ["token-bucket", "leaky-bucket"])
def test_a_configured_limiter_keeps_to_its_rate(name):
    done = run_requests(name, scenario=with_quota(120))
    assert rate_measures.throttle_rate(done) < 0.03
    assert summarise("", done).makespan_s == pytest.approx(50, abs=2)


def test_a_limiter_reserves_tokens_without_refund():
    scenario = with_quota(6000, tpm=60_000.0)
    done = run_requests("leaky-bucket", 50, scenario=scenario, max_tokens=4000)
    used = sum(done.workload.inputs) + sum(done.workload.outputs)
    assert summarise("", done).makespan_s > 0.9 * (sum(done.workload.inputs) + 50 * 4000) / 1000 > 1.5 * used / 1000


def test_a_fixed_window_sends_a_whole_window_at_once():
    done = run_requests("fixed-window", 60, scenario=with_quota(60, refill="fixed"))
    assert [call.sent for call in done.server.calls] == [0.0] * 60


def test_requests_throttled_by_kong_retry_at_the_start_of_its_next_minute():
    done = run_requests(
        "kong", 90, scenario=Scenario(QuotaRules(rpm=60, refill="fixed"), phase=20.0, timing=Timing(sigma=0.0))
    )
    assert len(done.gateway_throttles) == 30
    starts = sorted({round(call.sent, 6) for call in done.server.calls})
    # 30 requests retry after the remaining 40 s plus the latency of their throttle.
    assert starts[0] == 0.0
    assert all(40.05 <= start <= 40.2 for start in starts[1:])
    assert rate_measures.throttle_rate(done) == 0.0


def test_nginx_delays_calls_within_its_burst():
    done = run_requests("nginx", 11, scenario=with_quota(600))
    assert [round(call.sent, 3) for call in done.server.calls][:11] == [round(0.1 * n, 3) for n in range(11)]


def test_requests_give_up_in_an_outage_longer_than_eight_attempts():
    scenario = Scenario(QuotaRules(rpm=600), 1, outages=(Outage(0.0, 300.0),))
    done = run_requests("token-bucket", 50, scenario=scenario)
    assert lost(done) == 50
    assert {call.error for call in done.server.calls} == {"unavailable"}
