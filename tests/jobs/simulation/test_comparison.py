"""The comparison of all algorithms, the real engine among them."""

from dataclasses import asdict, replace
from functools import partial

import pytest

from cli.wiring import simulated_gate
from jobs.emulator.quotas import QuotaRules
from jobs.pipeline.dispatcher import Dispatcher
from jobs.simulation.comparison import ALGORITHMS, AUTO, CONFIGURED, Trial, _run, compare
from jobs.simulation.experiment import Experiment
from jobs.simulation.recommendation import recommend
from jobs.simulation.scenario import Outage, QuotaChange, Scenario, Tenant, Timing
from jobs.simulation.tally import summarise
from jobs.simulation.workload import Mix, User
from ratelimit.breaker import Breaker
from ratelimit.gate import Gate

EXPERIMENT = Experiment(scenario=Scenario(QuotaRules(rpm=120), 1), requests=120)
ENGINE = (CONFIGURED, AUTO)


def trials(experiment: Experiment, *names: str, timelines: bool = False) -> dict[str, Trial]:
    done = compare(experiment, names, simulated_gate, timelines=timelines)
    return {trial.result.algorithm: trial for trial in done}


def test_every_algorithm_runs_the_same_requests():
    done = trials(EXPERIMENT, *ALGORITHMS)
    assert tuple(done) == ALGORITHMS
    assert {trial.result.served + trial.result.lost for trial in done.values()} == {120}
    assert len({trial.result.ideal_s for trial in done.values()}) == 1


def test_the_real_engine_loses_nothing():
    scenario = Scenario(
        QuotaRules(rpm=120, refill="fixed"),
        2,
        tenants=(Tenant(20.0, 200.0, 60.0),),
        changes=(QuotaChange(100.0, 0.5),),
        outages=(Outage(30.0, 90.0),),
    )
    for trial in trials(replace(EXPERIMENT, scenario=scenario), *ENGINE).values():
        assert (trial.result.served, trial.result.lost) == (120, 0)
        assert trial.result.makespan_s >= trial.result.ideal_s


@pytest.mark.parametrize("method", [(Dispatcher, "run"), (Gate, "acquire"), (Breaker, "wait"), (Breaker, "enter")])
@pytest.mark.parametrize("name", ENGINE)
def test_the_simulation_runs_the_real_engine(monkeypatch, method, name):
    def broken(*_: object, **__: object) -> None:
        raise ArithmeticError("the real engine was called")

    monkeypatch.setattr(*method, broken)
    with pytest.raises((ArithmeticError, ExceptionGroup)) as raised:
        trials(EXPERIMENT, name)
    assert raised.group_contains(ArithmeticError) if isinstance(raised.value, ExceptionGroup) else True


@pytest.mark.parametrize("name", ENGINE)
def test_a_seed_determines_every_digit(name):
    def trial(seed: int) -> dict[str, object]:
        experiment = replace(EXPERIMENT, scenario=Scenario(QuotaRules(rpm=120), seed), arrivals="poisson")
        return asdict(trials(experiment, name, timelines=True)[name])

    assert trial(1) == trial(1)
    assert trial(1) != trial(2)


def test_users_share_by_weight_whatever_they_send():
    mix = Mix((1000, 1000), 100, 0.0)
    users = (User("a", share=9, mix=mix), User("b", mix=mix))
    experiment = replace(EXPERIMENT, requests=600, users=users)
    done = trials(experiment, CONFIGURED, "token-bucket")
    assert done[CONFIGURED].result.fairness > 0.97
    assert done["token-bucket"].result.fairness < 0.75
    heavy = replace(experiment, users=(replace(users[0], share=1), replace(users[1], weight=3)))
    assert trials(heavy, CONFIGURED)[CONFIGURED].result.fairness > 0.97


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


def test_a_timeline_adds_up_to_the_figures():
    done = trials(EXPERIMENT, "none", *ENGINE, timelines=True)
    for trial in done.values():
        assert trial.timeline
        assert sum(trial.timeline.admitted) * trial.timeline.step == pytest.approx(trial.result.served)
        assert sum(trial.timeline.rejected) * trial.timeline.step == pytest.approx(trial.result.throttled)
        assert trial.timeline.waiting[-1] == trial.result.lost
        assert set(trial.timeline.quota) == {2.0}
    assert done[CONFIGURED].timeline.estimate == (None,) * len(done[CONFIGURED].timeline.estimate)
    assert done[AUTO].timeline.estimate[-1] == pytest.approx(2.0, rel=0.1)


def test_a_timeline_has_the_breakers_changes_in_an_outage():
    scenario = Scenario(QuotaRules(rpm=120), 1, outages=(Outage(20.0, 50.0),))
    timeline = trials(replace(EXPERIMENT, scenario=scenario), CONFIGURED, timelines=True)[CONFIGURED].timeline
    assert timeline
    assert [state for _, state in timeline.breaker] == ["open", "half-open", "closed"]
    assert timeline.outages == ((20.0, 50.0),)


@pytest.mark.parametrize(
    ("name", "explanation"),
    [
        ("none", "116 requests gave up after 8 attempts: it sends calls without a limit"),
        ("adaptive", "times the ideal time: it starts at 1 call/s"),
        ("botocore-adaptive", "of calls throttled: it finds the rate by getting throttled"),
        ("leaky-bucket", ""),
        (CONFIGURED, ""),
    ],
)
def test_a_bad_figure_is_explained(name, explanation):
    actual = trials(EXPERIMENT, name)[name].explanation
    assert explanation in actual
    assert bool(actual) == bool(explanation)


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


def test_users_without_requests_do_not_lower_fairness():
    many = replace(EXPERIMENT, requests=5, users=tuple(User(f"{n}") for n in range(50)))
    assert trials(many, CONFIGURED)[CONFIGURED].result.fairness == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("scenario", "name", "explanation"),
    [
        ({"changes": (QuotaChange(10.0, 0.5),)}, "token-bucket", "the quota is now lower than configured"),
        ({"tenants": (Tenant(0.0, 300.0, 60.0),)}, "leaky-bucket", "other tenants use part of the configured quota"),
        (
            {"rules": QuotaRules(rpm=120, refill="fixed")},
            CONFIGURED,
            "it spreads calls evenly, where the server would admit a burst",
        ),
        ({"outages": (Outage(0.0, 300.0),)}, "none", "the outage outlasts all attempts"),
        ({"timing": Timing(latency=3600.0)}, "token-bucket", "calls time out after 15 minutes"),
        (
            {"changes": (QuotaChange(10.0, 3.0),)},
            CONFIGURED,
            "it keeps to the configured quota, and the quota is now higher",
        ),
        (
            {"changes": (QuotaChange(30.0, 0.75),)},
            "sliding-counter",
            "throttled requests back off while quota goes unused",
        ),
        ({"outages": (Outage(0.0, 5.0),)}, CONFIGURED, "it resumes some time after the outage"),
        ({"rules": QuotaRules(rpm=120, refill="sliding")}, "kong", "throttled requests wait for Retry-After"),
        ({"rules": QuotaRules(rpm=120, refill="fixed")}, "sliding-log", "its window differs from the server's"),
        ({"rules": QuotaRules(rpm=120, refill="sliding")}, "fixed-window", "throttled requests back off while"),
    ],
)
def test_the_explanation_names_what_happened(scenario, name, explanation):
    events = Scenario(**{"rules": QuotaRules(rpm=120), "seed": 1, **scenario})
    assert explanation in trials(replace(EXPERIMENT, scenario=events, requests=300), name)[name].explanation


@pytest.mark.parametrize("name", ["none", "kong", "adaptive", CONFIGURED, AUTO])
def test_a_concurrency_that_binds_is_the_explanation(name):
    few = replace(EXPERIMENT, requests=60, concurrency=1)
    actual = trials(few, name)[name].explanation
    assert "times the ideal time: at most 1 call may be in flight (--concurrency)" in actual


def test_a_slowdown_is_in_seconds_if_the_ideal_time_is_tiny():
    burst = replace(EXPERIMENT, scenario=Scenario(QuotaRules(rpm=120, burst=60), 1))
    actual = trials(burst, "leaky-bucket")["leaky-bucket"].explanation
    assert actual == (
        "60 s instead of less than a second: it spreads calls evenly, where the server would admit a burst"
    )


def test_events_after_the_end_explain_nothing():
    later = Scenario(QuotaRules(rpm=120), 1, tenants=(Tenant(1e5, 2e5, 60.0),), outages=(Outage(1e5, 2e5),))
    actual = trials(replace(EXPERIMENT, scenario=later), "adaptive")["adaptive"].explanation
    assert "it starts at 1 call/s" in actual


def test_a_delay_of_two_seconds_is_not_slow():
    single = trials(replace(EXPERIMENT, requests=1), *ALGORITHMS)
    assert {trial.explanation for trial in single.values()} == {""}
