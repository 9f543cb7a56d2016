"""The plain clients: each by the rules of the game."""

from collections import Counter
from itertools import pairwise

import pytest

from jobs.emulator.quotas import QuotaRules
from jobs.record.protocol import Status
from jobs.simulation import measures
from jobs.simulation.baseline_client import ATTEMPTS
from jobs.simulation.baselines import PLAIN, run_plain
from jobs.simulation.engine_run import Run
from jobs.simulation.experiment import Simulation
from jobs.simulation.scenario import Outage, Scenario, World
from jobs.simulation.tally import result


def ran(name: str, requests: int | None = 100, *, scenario: Scenario | None = None, **settings) -> Run:
    return run_plain(name, Simulation(scenario=scenario or limited(60), requests=requests, **settings))


def limited(rpm: float, **settings) -> Scenario:
    return Scenario(QuotaRules(rpm=rpm, **settings), seed=4)


@pytest.mark.parametrize("name", PLAIN)
def test_each_request_is_answered_once_or_lost_after_eight_attempts(name):
    done = ran(name)
    attempts = Counter(call.unit for call in done.server.calls)
    answered = Counter(call.unit for call in measures.admitted(done.server.calls))
    assert done.statuses.total() == 100
    assert done.statuses[Status.OK] == len(answered)
    assert max(answered.values()) == 1
    if not done.turned_away:
        assert all(attempts[unit] == ATTEMPTS for unit in range(100) if unit not in answered)
    assert max(attempts.values()) <= ATTEMPTS


@pytest.mark.parametrize("name", PLAIN)
def test_the_same_seed_is_the_same_run(name):
    def ledger() -> list[tuple[int, float, str]]:
        return [(call.unit, call.arrived, call.refused) for call in ran(name).server.calls]

    assert ledger() == ledger()


@pytest.mark.parametrize("name", PLAIN)
def test_a_timed_run_loses_nothing_that_only_waits(name):
    done = ran(name, None, duration=20.0, concurrency=20)
    assert done.seconds == 20.0
    assert measures.lost(done) == done.statuses[Status.FAILED]


def test_none_tries_again_at_once():
    done = ran("none", 10, scenario=limited(6))
    of_one = [call.sent for call in done.server.calls if call.unit == 9]
    assert len(of_one) == ATTEMPTS
    assert all(0.05 <= after - before <= 0.2 for before, after in pairwise(of_one))


@pytest.mark.parametrize("name", ["token-bucket", "leaky-bucket"])
def test_a_limiter_that_is_told_the_rate_keeps_to_it(name):
    done = ran(name, scenario=limited(120))
    assert measures.throttle_rate(done) < 0.03
    assert result("", done).makespan_s == pytest.approx(50, abs=2)


def test_a_limiter_reserves_tokens_and_gets_none_back():
    scenario = limited(6000, tpm=60_000.0)
    done = ran("leaky-bucket", 50, scenario=scenario, max_tokens=4000)
    used = sum(done.work.inputs) + sum(done.work.outputs)
    assert result("", done).makespan_s > 0.9 * (sum(done.work.inputs) + 50 * 4000) / 1000 > 1.5 * used / 1000


def test_a_fixed_window_sends_a_whole_minute_at_once():
    done = ran("fixed-window", 60, scenario=limited(60, refill="fixed"))
    assert [call.sent for call in done.server.calls] == [0.0] * 60


def test_kong_sends_whom_it_refused_back_at_the_start_of_its_next_minute():
    done = ran("kong", 90, scenario=Scenario(QuotaRules(rpm=60, refill="fixed"), phase=20.0, world=World(sigma=0.0)))
    assert len(done.turned_away) == 30
    starts = sorted({round(call.sent, 6) for call in done.server.calls})
    # 30 come back after the 40 s that are left, each by its own refusal's way.
    assert starts[0] == 0.0
    assert all(40.05 <= start <= 40.2 for start in starts[1:])
    assert measures.throttle_rate(done) == 0.0


def test_nginx_holds_back_what_its_burst_covers():
    done = ran("nginx", 11, scenario=limited(600))
    assert [round(call.sent, 3) for call in done.server.calls][:11] == [round(0.1 * n, 3) for n in range(11)]


def test_an_outage_loses_what_eight_attempts_do_not_outlast():
    scenario = Scenario(QuotaRules(rpm=600), 1, outages=(Outage(0.0, 300.0),))
    done = ran("token-bucket", 50, scenario=scenario)
    assert measures.lost(done) == 50
    assert {call.refused for call in done.server.calls} == {"unavailable"}
