"""The recommended settings."""

from dataclasses import replace
from functools import partial

import pytest
from simulated_trials import EXPERIMENT, trials

from cli.wiring import simulated_gate
from jobs.emulator.quotas import QuotaRules
from jobs.simulation.comparison import CONFIGURED, _run
from jobs.simulation.experiment import Experiment
from jobs.simulation.recommendation import recommend
from jobs.simulation.scenario import Scenario, Timing
from jobs.simulation.tally import summarise
from jobs.simulation.workload import Mix, User


def test_a_recommendation_has_headroom_for_the_longest_answer_and_is_faster():
    rules = QuotaRules(rpm=600, tpm=100_000.0)
    mix = Mix((400, 600), 100, 0.3)
    experiment = Experiment(
        scenario=Scenario(rules, 1), requests=100, max_tokens=8192, users=(User("a", mix=mix),), concurrency=1000
    )
    done = trials(experiment, CONFIGURED)[CONFIGURED].recommendation
    assert done
    longest = max(_run(CONFIGURED, experiment, simulated_gate).workload.outputs)
    assert longest < done.max_tokens < 2 * longest
    assert done.after.makespan_s < done.before.makespan_s
    assert done.after.served == 100
    assert done.options == f"--rpm 600 --tpm 100000 --max-tokens {done.max_tokens} --concurrency {done.concurrency}"


@pytest.mark.parametrize(
    ("rpm", "tpm", "max_tokens"), [(200.0, 400_000.0, 8192), (200.0, 400_000.0, 30_000), (100.0, 300_000.0, 50_000)]
)
def test_the_recommended_concurrency_does_not_slow_the_recommended_run(rpm, tpm, max_tokens):
    experiment = Experiment(scenario=Scenario(QuotaRules(rpm, tpm), 1), requests=100, max_tokens=max_tokens)
    recommended = trials(experiment, CONFIGURED)[CONFIGURED].recommendation
    assert recommended
    free = replace(experiment, max_tokens=recommended.max_tokens)
    assert recommended.after == summarise(CONFIGURED, _run(CONFIGURED, free, simulated_gate))
    assert recommended.after == summarise(
        CONFIGURED, _run(CONFIGURED, replace(free, concurrency=recommended.concurrency), simulated_gate)
    )
    assert recommended.concurrency < 100


def test_settings_that_are_slower_are_not_recommended():
    experiment = Experiment(scenario=Scenario(QuotaRules(100.0, 100_000.0), 1), requests=50, max_tokens=4096)
    done = _run(CONFIGURED, experiment, simulated_gate)
    before = summarise(CONFIGURED, done)
    slower = _run(CONFIGURED, replace(experiment, concurrency=1), simulated_gate)
    recommended = recommend(experiment, done, before, lambda _: slower)
    assert recommended
    assert (recommended.max_tokens, recommended.after, recommended.speedup) == (4096, before, 1.0)


def test_the_speedup_of_a_timed_run_is_relative_to_what_it_serves():
    timed = replace(EXPERIMENT, requests=None, duration=180.0, concurrency=2)
    recommended = trials(timed, CONFIGURED)[CONFIGURED].recommendation
    assert recommended
    assert recommended.after.served > 2 * recommended.before.served
    assert recommended.speedup == recommended.after.served / recommended.before.served


def test_without_a_token_quota_a_recommendation_needs_no_second_run():
    done = _run(CONFIGURED, EXPERIMENT, simulated_gate)
    recommended = recommend(EXPERIMENT, done, summarise(CONFIGURED, done), partial(pytest.fail, "a second run"))
    assert recommended
    assert recommended.before is recommended.after
    assert 120 / 60 * 6 < recommended.concurrency < 120


def test_a_concurrency_that_binds_is_raised():
    few = replace(EXPERIMENT, requests=60, concurrency=1)
    recommended = trials(few, CONFIGURED)[CONFIGURED].recommendation
    assert recommended
    assert 12 < recommended.concurrency < 30  # 2 calls/s of some 7 s each
    assert recommended.after.makespan_s < 0.2 * recommended.before.makespan_s


def test_a_recommendation_includes_a_burst_and_needs_a_run_without_losses():
    burst = replace(EXPERIMENT, scenario=Scenario(QuotaRules(rpm=120, burst=30), 1))
    recommended = trials(burst, CONFIGURED)[CONFIGURED].recommendation
    assert recommended
    assert "--rpm 120 --burst 30s --max-tokens" in recommended.options
    slow = replace(EXPERIMENT, scenario=Scenario(QuotaRules(rpm=120), 1, Timing(latency=1e6)), requests=2)
    lost = trials(slow, CONFIGURED)[CONFIGURED]
    assert lost.result.lost == 2
    assert lost.recommendation is None
    assert "calls time out after 15 minutes" in lost.explanation
