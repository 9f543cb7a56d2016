"""The figures of a run and its ideal time."""

import pytest

from jobs.emulator.quotas import QuotaRules
from jobs.simulation.baselines import run_baseline
from jobs.simulation.experiment import Experiment
from jobs.simulation.measures import ideal_makespan
from jobs.simulation.result import Result
from jobs.simulation.scenario import Outage, QuotaChange, Scenario, quota_minutes
from jobs.simulation.tally import summarise


def figures(name: str, scenario: Scenario, requests: int | None = 200, **settings) -> Result:
    return summarise(name, run_baseline(name, Experiment(scenario=scenario, requests=requests, **settings)))


def ideal(requests: int, last_arrival: float = 0.0, tokens: float = 0.0, **settings) -> float:
    rules = QuotaRules(rpm=settings.pop("rpm", 60.0), tpm=settings.pop("tpm", None), **settings.pop("rules", {}))
    scenario = Scenario(rules, phase=settings.pop("phase", 0.0), **settings)
    done = run_baseline("none", Experiment(scenario=scenario, requests=1))
    return ideal_makespan(done, requests, tokens, last_arrival)


def test_utilisation_is_served_relative_to_the_quota_until_the_last_admission():
    result = figures("leaky-bucket", Scenario(QuotaRules(rpm=120), 1), 400)
    assert result.served == result.calls == 400
    assert result.utilisation == pytest.approx(200 / result.makespan_s, rel=1e-3)
    assert result.ideal_s == pytest.approx(199.0)
    assert result.wait_p50_s == pytest.approx(99.5, abs=0.1)
    assert result.wait_p95_s == pytest.approx(189.5, abs=0.1)
    assert result.worst_minute == 1.0


def test_utilisation_of_a_short_run_is_measured_over_a_whole_window():
    assert figures("none", Scenario(QuotaRules(rpm=60, refill="sliding"), 1), 30).utilisation == pytest.approx(0.5)


def test_a_changed_quota_counts_with_its_value_at_each_time():
    cut = Scenario(QuotaRules(rpm=60), 1, changes=(QuotaChange(60.0, 0.5),))
    assert quota_minutes(cut, 0.0, 180.0) == pytest.approx(2.0)
    assert figures("leaky-bucket", cut, 100).utilisation < 1.05


def test_calls_in_flight_at_the_end_of_a_timed_run_count_as_served():
    timed = figures("leaky-bucket", Scenario(QuotaRules(rpm=120), 1), None, duration=120.0)
    assert timed.served == 240
    assert timed.lost == 0


@pytest.mark.parametrize(
    ("requests", "scenario", "settings"),
    [
        (3, Scenario(QuotaRules(rpm=1), 1), {}),
        (1, Scenario(QuotaRules(rpm=10, tpm=4_200), 1), {}),
        (10, Scenario(QuotaRules(rpm=2, burst=0.1), 1), {}),
        (1, Scenario(QuotaRules(rpm=1), 1, outages=(Outage(5.0, 15.0), Outage(55.0, 65.0))), {}),
        (None, Scenario(QuotaRules(rpm=100, refill="sliding"), 1), {"duration": 120.0, "arrivals": "poisson"}),
    ],
)
def test_no_run_is_faster_than_the_ideal_time(requests, scenario, settings):
    done = figures("token-bucket", scenario, requests, **settings)
    assert done.lost == 0
    assert done.ideal_s <= done.makespan_s * (1 + 1e-9)
    assert done.utilisation <= 1.6


def test_the_ideal_time_includes_late_arrivals():
    timed = figures(
        "none", Scenario(QuotaRules(rpm=100, refill="sliding"), 1), None, duration=120.0, arrivals="poisson"
    )
    assert timed.makespan_s < 1.1 * timed.ideal_s


@pytest.mark.parametrize(
    ("settings", "seconds"),
    [
        ({"requests": 121}, 120.0),
        ({"requests": 10, "rpm": 6000.0, "tpm": 60_000.0, "tokens": 61_000.0}, 60.0),
        ({"requests": 121, "changes": (QuotaChange(60.0, 2.0),)}, 90.0),
        ({"requests": 121, "outages": (Outage(30.0, 90.0),)}, 179.0),  # after an outage the bucket is full
        ({"requests": 300, "rpm": 100.0, "rules": {"burst": 60.0}, "outages": (Outage(0.0, 60.0),)}, 180.0),
        ({"requests": 121, "last_arrival": 500.0}, 500.0),
        ({"requests": 121, "rules": {"refill": "sliding"}}, 120.0),
        ({"requests": 121, "rules": {"refill": "fixed"}, "phase": 50.0}, 70.0),
        ({"requests": 121, "rules": {"refill": "fixed"}, "outages": (Outage(0.0, 60.0),)}, 180.0),
    ],
)
def test_the_ideal_time_follows_from_quota_changes_and_outages(settings, seconds):
    assert ideal(**settings) == pytest.approx(seconds, abs=0.01)
