"""Explanations of bad figures."""

from dataclasses import replace

import pytest
from simulated_trials import EXPERIMENT, trials

from jobs.emulator.quotas import QuotaRules
from jobs.simulation.comparison import ALGORITHMS, AUTO, CONFIGURED
from jobs.simulation.scenario import Outage, QuotaChange, Scenario, Tenant, Timing


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
