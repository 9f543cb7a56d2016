"""When requests are there."""

from itertools import islice, pairwise

import pytest

from jobs.simulation.arrivals import BURST, arrivals


def some(kind, count, per_second=2.0, seed=1):
    return list(islice(arrivals(kind, per_second, seed), count))


def test_a_batch_is_all_there_from_the_start():
    assert some("batch", 5) == [0.0] * 5


@pytest.mark.parametrize("kind", ["poisson", "bursty"])
def test_so_many_a_second_arrive_on_average_in_order_and_the_same_with_the_same_seed(kind):
    times = some(kind, 20_000)
    assert len(times) / times[-1] == pytest.approx(2.0, rel=0.1)
    assert all(one <= other for one, other in pairwise(times))
    assert times == some(kind, 20_000)
    assert times != some(kind, 20_000, seed=2)


def test_a_poisson_process_has_gaps_whose_deviation_is_their_mean():
    gaps = [other - one for one, other in pairwise(some("poisson", 20_000))]
    mean = sum(gaps) / len(gaps)
    deviation = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5
    assert deviation == pytest.approx(mean, rel=0.05)


def test_requests_of_a_burst_come_at_the_same_moment():
    times = some("bursty", 20_000)
    assert len(times) / len(set(times)) == pytest.approx(BURST, rel=0.1)
