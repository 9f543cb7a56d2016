"""Who had how much."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.emulator.quotas import QuotaRules
from jobs.simulation.baselines import run_plain
from jobs.simulation.experiment import Simulation
from jobs.simulation.fairness import fairness, max_min
from jobs.simulation.scenario import Scenario
from jobs.simulation.workload import Mix, User


@pytest.mark.parametrize(
    ("capacity", "wants", "weights", "shares"),
    [
        (120, [1000, 60, 10], [1, 1, 1], [55, 55, 10]),
        (120, [1000, 50, 10], [1, 1, 1], [60, 50, 10]),
        (120, [1e9, 1e9, 1e9], [6, 4, 2], [60, 40, 20]),
        (175, [1000, 1000, 31, 28, 26, 1, 24], [1] * 7, [32.5, 32.5, 31, 28, 26, 1, 24]),
        (100, [10, 20], [1, 1], [10, 20]),
    ],
)
def test_what_one_does_not_want_the_others_share(capacity, wants, weights, shares):
    assert max_min(capacity, wants, weights) == pytest.approx(shares)


@given(
    st.floats(0.1, 1e6),
    st.lists(st.tuples(st.floats(0, 1e6), st.floats(1, 100)), min_size=1, max_size=8),
)
def test_nobody_gets_more_than_it_wants_and_nothing_is_left_that_is_wanted(capacity, users):
    wants, weights = [want for want, _ in users], [weight for _, weight in users]
    shares = max_min(capacity, wants, weights)
    assert all(share <= want for share, want in zip(shares, wants, strict=True))
    assert sum(shares) == pytest.approx(min(capacity, sum(wants)))


def by_share(*shares: float, **settings) -> float:
    mix = Mix((1000, 1000), 100, 0.0)
    users = tuple(User(f"user {number}", share=share, mix=mix) for number, share in enumerate(shares))
    simulation = Simulation(scenario=Scenario(QuotaRules(rpm=120), 3), requests=240, users=users, **settings)
    return fairness(run_plain("leaky-bucket", simulation))


def test_one_user_has_all_of_it():
    assert by_share(1) == 1.0


def test_first_come_first_served_is_even_among_equals_and_uneven_where_one_sends_most():
    assert by_share(1, 1) > 0.97
    assert by_share(9, 1) < 0.75


def test_where_nobody_waits_nobody_has_too_little():
    assert by_share(9, 1, arrivals="poisson", load=0.3) > 0.99
