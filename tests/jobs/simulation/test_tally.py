"""The figures of a run."""

import pytest

from jobs.emulator.quotas import QuotaRules
from jobs.simulation.baselines import run_plain
from jobs.simulation.experiment import Simulation
from jobs.simulation.ideal import ideal
from jobs.simulation.result import Result
from jobs.simulation.scenario import Outage, QuotaChange, Scenario
from jobs.simulation.tally import quota_minutes, result


def figures(name: str, scenario: Scenario, requests: int | None = 200, **settings) -> Result:
    return result(name, run_plain(name, Simulation(scenario=scenario, requests=requests, **settings)))


def of_ideal(requests: int, last: float = 0.0, tokens: float = 0.0, **settings) -> float:
    rules = QuotaRules(rpm=settings.pop("rpm", 60.0), tpm=settings.pop("tpm", None), **settings.pop("rules", {}))
    scenario = Scenario(rules, phase=settings.pop("phase", 0.0), **settings)
    done = run_plain("none", Simulation(scenario=scenario, requests=1))
    return ideal(done, requests, tokens, last)


def test_utilisation_is_what_was_served_of_the_quota_until_the_last_admission():
    told = figures("leaky-bucket", Scenario(QuotaRules(rpm=120), 1), 400)
    assert told.served == told.calls == 400
    assert told.utilisation == pytest.approx(200 / told.makespan_s, rel=1e-3)
    assert told.ideal_s == pytest.approx(199.0)
    assert told.wait_p50_s == pytest.approx(99.5, abs=0.1)
    assert told.wait_p95_s == pytest.approx(189.5, abs=0.1)
    assert told.worst_minute == 1.0


def test_what_comes_at_once_is_measured_by_what_the_server_lets_in_at_once():
    assert figures("none", Scenario(QuotaRules(rpm=60, refill="sliding"), 1), 30).utilisation == pytest.approx(0.5)


def test_a_quota_that_changes_counts_as_what_it_was_at_the_time():
    cut = Scenario(QuotaRules(rpm=60), 1, changes=(QuotaChange(60.0, 0.5),))
    assert quota_minutes(cut, 0.0, 180.0) == pytest.approx(2.0)
    assert figures("leaky-bucket", cut, 100).utilisation < 1.05


def test_calls_under_way_at_the_end_of_a_timed_run_are_served():
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
def test_nobody_needs_less_than_who_knows_all_about_the_server(requests, scenario, settings):
    done = figures("token-bucket", scenario, requests, **settings)
    assert done.lost == 0
    assert done.ideal_s <= done.makespan_s * (1 + 1e-9)
    assert done.utilisation <= 1.6


def test_what_arrives_late_cannot_be_served_before():
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
        ({"requests": 121, "outages": (Outage(30.0, 90.0),)}, 179.0),  # its bucket is full when it is back
        ({"requests": 300, "rpm": 100.0, "rules": {"burst": 60.0}, "outages": (Outage(0.0, 60.0),)}, 180.0),
        ({"requests": 121, "last": 500.0}, 500.0),
        ({"requests": 121, "rules": {"refill": "sliding"}}, 120.0),
        ({"requests": 121, "rules": {"refill": "fixed"}, "phase": 50.0}, 70.0),
        ({"requests": 121, "rules": {"refill": "fixed"}, "outages": (Outage(0.0, 60.0),)}, 180.0),
    ],
)
def test_the_ideal_time_follows_from_what_the_server_has_to_give(settings, seconds):
    assert of_ideal(**settings) == pytest.approx(seconds, abs=0.01)
