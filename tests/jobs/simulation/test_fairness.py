"""Fair shares and the fairness of a run."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.emulator.quotas import QuotaRules
from jobs.simulation.baselines import run_baseline
from jobs.simulation.experiment import Experiment
from jobs.simulation.fairness import fairness, max_min
from jobs.simulation.scenario import Scenario
from jobs.simulation.workload import Mix, User


@pytest.mark.parametrize(
    ("capacity", "demands", "weights", "shares"),
    [
        (120, [1000, 60, 10], [1, 1, 1], [55, 55, 10]),
        (120, [1000, 50, 10], [1, 1, 1], [60, 50, 10]),
        (120, [1e9, 1e9, 1e9], [6, 4, 2], [60, 40, 20]),
        (175, [1000, 1000, 31, 28, 26, 1, 24], [1] * 7, [32.5, 32.5, 31, 28, 26, 1, 24]),
        (100, [10, 20], [1, 1], [10, 20]),
    ],
)
def test_max_min_gives_unused_shares_to_other_users(capacity, demands, weights, shares):
    assert max_min(capacity, demands, weights) == pytest.approx(shares)


@given(
    st.floats(0.1, 1e6),
    st.lists(st.tuples(st.floats(0, 1e6), st.floats(1, 100)), min_size=1, max_size=8),
)
def test_max_min_never_exceeds_a_demand_and_uses_all_capacity(capacity, users):
    demands, weights = [demand for demand, _ in users], [weight for _, weight in users]
    shares = max_min(capacity, demands, weights)
    assert all(share <= demand for share, demand in zip(shares, demands, strict=True))
    assert sum(shares) == pytest.approx(min(capacity, sum(demands)))


def fairness_with_shares(*shares: float, **settings) -> float:
    mix = Mix((1000, 1000), 100, 0.0)
    users = tuple(User(f"user {number}", share=share, mix=mix) for number, share in enumerate(shares))
    experiment = Experiment(scenario=Scenario(QuotaRules(rpm=120), 3), requests=240, users=users, **settings)
    return fairness(run_baseline("leaky-bucket", experiment))


def test_fairness_with_one_user_is_1():
    assert fairness_with_shares(1) == 1.0


def test_first_come_first_served_is_fair_to_equal_users_only():
    assert fairness_with_shares(1, 1) > 0.97
    assert fairness_with_shares(9, 1) < 0.75


def test_fairness_is_high_if_requests_do_not_wait():
    assert fairness_with_shares(9, 1, arrivals="poisson", load=0.3) > 0.99
