"""The real dispatcher against the simulated Bedrock."""

from collections import Counter
from dataclasses import replace

import engine_gates
import pytest

from jobs.emulator.quotas import QuotaRules
from jobs.pipeline.stopping import Policy
from jobs.record.protocol import Status
from jobs.requests.cost import REQUESTS
from jobs.simulation import measures
from jobs.simulation.baseline_client import drive
from jobs.simulation.engine_run import Run, run
from jobs.simulation.scenario import Outage, QuotaChange, Scenario, World
from jobs.simulation.server import SimulatedBedrock
from jobs.simulation.tally import result
from jobs.simulation.workload import Mix, Work, number_of
from ratelimit.algorithms.token_bucket import TokenBucket
from ratelimit.gate import Gate
from ratelimit.quota import Dimension, QuotaBook

TOLD = Policy()


def gate(rpm: float, max_in_flight: int = 500) -> Gate:
    bucket = TokenBucket(rpm / 60, max(1.0, 0.8 * rpm / 60))
    return Gate(QuotaBook({REQUESTS: Dimension(bucket, rpm)}), max_in_flight)


def told(scenario: Scenario, work: Work, rpm: float = 600.0, seconds: float | None = None) -> Run:
    return run(scenario, work, lambda: gate(rpm), policy=TOLD, seconds=seconds)


def test_a_told_quota_is_used_and_no_call_is_wasted():
    done = told(Scenario(QuotaRules(rpm=600), seed=1), Work(1), seconds=180.0)
    assert measures.utilisation(done) > 0.99
    assert measures.throttle_rate(done) == 0.0
    assert measures.lost(done) == 0
    assert all(call.ended < 900 for call in measures.admitted(done.server.calls))


@pytest.mark.parametrize("refill", ["bucket", "fixed", "sliding"])
def test_a_finite_batch_is_called_to_its_end_whatever_the_server_refuses(refill):
    done = told(Scenario(QuotaRules(rpm=300, refill=refill), seed=2), Work(2, count=500), rpm=330.0)
    assert done.statuses == Counter({Status.OK: 500})
    assert Counter(call.unit for call in measures.admitted(done.server.calls)) == Counter(range(500))
    assert measures.throttle_rate(done) > 0
    told_all = result("", done)
    assert told_all.makespan_s >= told_all.ideal_s - 1e-6


def test_the_same_seed_is_the_same_run_and_another_is_another():
    def ledger(seed: int) -> list[tuple[int, float, str, float]]:
        done = told(Scenario(QuotaRules(rpm=300), seed), Work(seed), rpm=330.0, seconds=60.0)
        return [(call.unit, call.arrived, call.refused, call.settled) for call in done.server.calls]

    assert ledger(5) == ledger(5)
    assert ledger(5) != ledger(6)


def test_calls_travel_as_the_world_says():
    world = World(uplink=(0.1, 0.2), refusal=(0.3, 0.4), latency=2.0, sigma=0.0)
    done = told(Scenario(QuotaRules(rpm=300), 1, world), Work(1), rpm=600.0, seconds=30.0)
    assert all(0.1 <= call.arrived - call.sent <= 0.2 for call in done.server.calls)
    assert all(call.ended - call.arrived == pytest.approx(2.0) for call in measures.admitted(done.server.calls))


def test_a_call_that_takes_too_long_is_given_up_and_runs_on():
    world = World(latency=100.0, sigma=0.0)
    policy = replace(TOLD, call_timeout=30.0, hold_unknown=True)
    done = run(Scenario(QuotaRules(), 1, world), Work(1, count=3), lambda: gate(600.0), policy=policy)
    assert done.statuses == Counter({Status.HELD: 3})
    assert done.seconds < 40


def test_an_outage_loses_nothing():
    scenario = Scenario(QuotaRules(rpm=600), seed=4, outages=(Outage(10.0, 70.0),))
    done = told(scenario, Work(4, count=600))
    assert done.statuses == Counter({Status.OK: 600})
    assert any(call.refused == "unavailable" for call in done.server.calls)


def test_sizes_follow_from_the_seed_and_stay_within_the_mix():
    work = Work(3, max_tokens=500, mixes=(Mix((100, 200), 50.0), Mix((1000, 1100), 400.0)), block=10)
    for number in range(400):
        work.draw(number)
    for number in range(400):
        low, high = work.mixes[number // 10 % 2].input
        assert low <= work.inputs[number] <= high
        assert 1 <= work.outputs[number] <= 500
        body = work.request(number).body
        assert number_of(body) == number_of(work.request(number).wire("a")) == number
        assert len(body) == pytest.approx(work.inputs[number], abs=0.1 * work.inputs[number] + 1)
    assert len({work.request(number).key for number in range(400)}) == 400


def test_sections_are_offered_when_they_arrive():
    done = told(Scenario(QuotaRules(), 1), Work(1, arrivals=[float(second) for second in range(20)]))
    assert [call.unit for call in done.server.calls] == list(range(20))
    assert all(call.sent - call.unit == pytest.approx(0.0, abs=0.01) for call in done.server.calls)
    assert result("", done).wait_p95_s < 0.1


@pytest.mark.parametrize(
    "rules",
    [
        QuotaRules(tpm=600_000, burst=10, burndown=5),
        QuotaRules(tpm=600_000, refill="fixed"),
        QuotaRules(rpm=600, refill="sliding"),
    ],
)
def test_who_has_the_servers_books_is_never_refused_and_uses_all_of_them(rules):
    scenario = Scenario(rules, 7, World(uplink=(0.0, 0.0)))
    phase = SimulatedBedrock(scenario).phase
    done = run(scenario, Work(7, spread=0.0), lambda: engine_gates.ideal(rules, phase), policy=TOLD, seconds=300.0)
    assert measures.throttle_rate(done) == 0.0
    assert measures.utilisation(done) > 0.98


class Heedless:
    """A pacer that holds nothing back."""

    async def acquire(self, tokens: float) -> None:
        pass

    def ended(self, *, throttled: bool) -> None:
        pass


def test_a_plain_client_retries_and_loses_what_is_refused_eight_times():
    done = drive(Scenario(QuotaRules(rpm=60), 1), Work(1, count=200), Heedless, max_in_flight=200, seconds=None)
    assert done.statuses[Status.OK] + done.statuses[Status.FAILED] == 200
    assert done.statuses[Status.FAILED] == measures.lost(done) > 0
    assert max(Counter(call.unit for call in done.server.calls).values()) == 8


def test_a_plain_client_can_be_stopped_at_a_time():
    done = drive(Scenario(QuotaRules(rpm=60), 1), Work(1), Heedless, max_in_flight=10, seconds=30.0)
    assert done.seconds == 30.0
    assert done.statuses[Status.NEW] > 0
    assert done.statuses.total() == len(done.work.inputs)


@pytest.mark.parametrize(
    ("quota", "seed", "until", "least"),
    [
        # What refused at 965,000 tokens a second may have overtaken 20 ms of calls: no proof against a log.
        pytest.param({"tpm": 4e6}, 104, 180.0, 0.9, id="a log that refused at a fast pace"),
        pytest.param({"tpm": 4e6}, 116, 180.0, 0.9, id="a log that refused at a fast pace, another way"),
        # Answers that take more than they reserved keep a log full for longer than a minute.
        pytest.param({"tpm": 6e5, "burndown": 5.0}, 117, 300.0, 0.9, id="a log in debt"),
    ],
)
def test_a_log_that_looks_like_a_fixed_window_costs_no_minute_without_calls(quota, seed, until, least):
    rules = QuotaRules(refill="sliding", **quota)
    done = run(Scenario(rules, seed), Work(seed), lambda: engine_gates.unknown(rules, 1024), policy=TOLD, seconds=until)
    assert measures.utilisation(done) > least


def test_a_log_that_was_taken_for_a_bucket_is_seen_to_stop_at_one_sum():
    rules, seed = QuotaRules(rpm=6000, refill="sliding"), 120
    done = run(Scenario(rules, seed), Work(seed), lambda: engine_gates.unknown(rules, 1024), policy=TOLD, seconds=190.0)
    assert sum(call.throttled for call in done.server.calls if call.arrived > 130.0) < 10


@pytest.mark.parametrize(
    ("burst", "seed"), [(60.0, 304), (60.0, 305), (60.0, 309), (60.0, 314), (10.0, 407), (10.0, 511)]
)
def test_a_bucket_whose_debts_are_paid_slowly_is_not_taken_for_a_window(burst, seed):
    rules = QuotaRules(tpm=6e5, burst=burst, burndown=5.0)
    done = run(Scenario(rules, seed), Work(seed), lambda: engine_gates.unknown(rules, 1024), policy=TOLD, seconds=600.0)
    assert sum(call.throttled for call in done.server.calls if call.arrived > 150.0) < 20


@pytest.mark.parametrize("tpm", [5_000, 10_000, 50_000])
def test_a_quota_of_which_a_call_takes_minutes_is_found_too(tpm):
    rules = QuotaRules(rpm=60.0, tpm=tpm)
    done = run(Scenario(rules, 1), Work(1, count=10), lambda: engine_gates.unknown(rules, 1024), policy=TOLD)
    assert done.statuses[Status.OK] == 10


@pytest.mark.parametrize(("tpm", "most", "throttled"), [(1e5, 1024, 0.03), (1e5, 4096, 0.03), (3e5, 1024, 0.01)])
def test_sizes_that_were_estimated_too_low_are_not_taken_for_others_who_use_a_told_quota(tpm, most, throttled):
    rules = QuotaRules(tpm=tpm)
    done = run(
        Scenario(rules, 501), Work(501, max_tokens=most), lambda: engine_gates.configured(rules, most),
        policy=TOLD, seconds=900.0,
    )  # fmt: skip
    assert measures.throttle_rate(done) < throttled


@pytest.mark.parametrize("seed", [408, 415])
def test_what_is_left_of_a_told_quota_of_tokens_is_used_and_all_of_it_when_it_is_back(seed):
    rules = QuotaRules(tpm=6e5)
    scenario = Scenario(rules, seed, changes=(QuotaChange(600.0, 0.5), QuotaChange(900.0, 1.0)))
    done = run(scenario, Work(seed), lambda: engine_gates.configured(rules, 1024), policy=TOLD, seconds=1200.0)
    tokens = sum(call.settled for call in done.server.calls if not call.refused and call.arrived >= 600.0)
    assert tokens > 0.85 * (5 * 3e5 + 5 * 6e5)
