"""Arrival times."""

from itertools import islice, pairwise

import pytest

from jobs.simulation.arrivals import MEAN_BURST_SIZE, arrivals


def take(kind, count, per_second=2.0, seed=1):
    return list(islice(arrivals(kind, per_second, seed), count))


def test_a_batch_arrives_at_0():
    assert take("batch", 5) == [0.0] * 5


@pytest.mark.parametrize("kind", ["poisson", "bursty"])
def test_arrivals_are_ordered_reproducible_and_have_the_mean_rate(kind):
    times = take(kind, 20_000)
    assert len(times) / times[-1] == pytest.approx(2.0, rel=0.1)
    assert all(one <= other for one, other in pairwise(times))
    assert times == take(kind, 20_000)
    assert times != take(kind, 20_000, seed=2)


def test_poisson_gaps_have_a_standard_deviation_equal_to_their_mean():
    gaps = [other - one for one, other in pairwise(take("poisson", 20_000))]
    mean = sum(gaps) / len(gaps)
    deviation = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5
    assert deviation == pytest.approx(mean, rel=0.05)


def test_requests_of_a_burst_arrive_together():
    times = take("bursty", 20_000)
    assert len(times) / len(set(times)) == pytest.approx(MEAN_BURST_SIZE, rel=0.1)
