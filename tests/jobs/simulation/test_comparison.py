"""The comparison of all algorithms, the real engine among them."""

from dataclasses import asdict, replace

import pytest
from simulated_trials import EXPERIMENT, trials

from jobs.emulator.quotas import QuotaRules
from jobs.pipeline.dispatcher import Dispatcher
from jobs.simulation.comparison import ALGORITHMS, AUTO, CONFIGURED
from jobs.simulation.scenario import Outage, QuotaChange, Scenario, Tenant
from jobs.simulation.workload import Mix, User
from ratelimit.breaker import Breaker
from ratelimit.gate import Gate

ENGINE = (CONFIGURED, AUTO)


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


def test_users_without_requests_do_not_lower_fairness():
    many = replace(EXPERIMENT, requests=5, users=tuple(User(f"{n}") for n in range(50)))
    assert trials(many, CONFIGURED)[CONFIGURED].result.fairness == pytest.approx(1.0)
