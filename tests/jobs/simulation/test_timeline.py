"""Timelines of real runs."""

from dataclasses import replace

import pytest
from simulated_trials import EXPERIMENT, trials

from jobs.emulator.quotas import QuotaRules
from jobs.simulation.comparison import AUTO, CONFIGURED
from jobs.simulation.scenario import Outage, Scenario

ENGINE = (CONFIGURED, AUTO)


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
