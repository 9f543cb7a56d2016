"""Random numbers are the same on every version of Python."""

import statistics

import pytest

from jobs.simulation.rng import Rng


def test_a_seed_gives_known_numbers():
    rng = Rng(7, "ways")
    assert [rng.uniform(), rng.between(5.0, 25.0), rng.lognormal(6.0, 0.5)] == pytest.approx(
        [0.8646091965494581, 21.188567115428924, 8.140206110209252], rel=1e-12
    )


def test_streams_of_one_seed_are_independent():
    alone = [Rng(1, "a").uniform() for _ in range(3)]
    first, second = Rng(1, "a"), Rng(1, "b")
    mixed = []
    for _ in range(3):
        mixed.append(first.uniform())
        second.uniform()
    assert alone[0] == mixed[0]
    assert Rng(1, "b").uniform() != alone[0]
    assert Rng(2, "a").uniform() != alone[0]


def test_a_lognormal_has_its_median_and_its_mean():
    rng = Rng(1, "latencies")
    values = [rng.lognormal(6.0, 0.5) for _ in range(20_000)]
    assert statistics.median(values) == pytest.approx(6.0, rel=0.02)
    assert statistics.fmean(values) == pytest.approx(6.0 * 2.718281828 ** (0.5**2 / 2), rel=0.02)
    assert rng.lognormal(6.0, 0.0) == 6.0
