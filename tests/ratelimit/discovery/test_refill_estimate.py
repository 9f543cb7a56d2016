"""The refill rate between two moments at which the bucket was empty."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratelimit.discovery.refill_estimate import EmptyBucketSample, RefillEstimate


def on_line(*spans: tuple[float, float, float], mean: float = 1.0) -> RefillEstimate:
    """An estimate with samples along spans of (rate, step in seconds, until); the first sample is at 0."""
    estimate, at, admitted = RefillEstimate(), 0.0, 0.0
    estimate.add(EmptyBucketSample(at, admitted, 0), mean)
    for rate, step, until in spans:
        while at + step <= until:
            at += step
            admitted += rate * step
            estimate.add(EmptyBucketSample(at, admitted, round(admitted / mean)), mean)
    return estimate


def test_one_sample_gives_no_rate():
    estimate = RefillEstimate()
    assert estimate.rate is None
    estimate.add(EmptyBucketSample(5.0, 100.0, 100), 1.0)
    assert estimate.rate is None
    assert (estimate.age, estimate.calls) == (0.0, 0)


def test_two_samples_at_one_instant_or_without_a_call_between_give_no_rate():
    for second in (
        EmptyBucketSample(5.0, 101.0, 101),
        EmptyBucketSample(9.0, 100.0, 100),
        EmptyBucketSample(9.0, 90.0, 99),
    ):
        estimate = RefillEstimate()
        estimate.add(EmptyBucketSample(5.0, 100.0, 100), 1.0)
        estimate.add(second, 1.0)
        assert estimate.rate is None


@given(st.floats(0.01, 1e5), st.floats(1.0, 60), st.floats(0.1, 1e4), st.floats(0, 1e6))
def test_a_line_gives_its_rate_however_long_it_is(rate, step, mean, start):
    estimate = RefillEstimate()
    for n in range(8):
        estimate.add(EmptyBucketSample(start + n * step, rate * step * n, n), mean)
    assert estimate.rate == pytest.approx(rate, rel=1e-6)
    assert estimate.age == pytest.approx(min(7.0, len(estimate.line) - 1) * step)


def test_a_jitter_of_one_call_is_no_change():
    estimate = RefillEstimate()
    for n in range(12):
        estimate.add(EmptyBucketSample(30.0 * n, 300.0 * n + (1.0 if n % 2 else -1.0), 300 * n), 1.0)
    assert len(estimate.line) == 12
    assert estimate.rate == pytest.approx(10.0, rel=0.001)


@pytest.mark.parametrize("changed", [4.0, 5.0, 20.0, 40.0])
def test_a_changed_rate_is_found_at_the_second_sample(changed):
    estimate = on_line((10.0, 30.0, 150.0), (changed, 30.0, 180.0))
    assert len(estimate.line) == 2  # from the last that lay on the old line
    assert estimate.rate == pytest.approx(changed)


def test_with_small_steps_the_last_three_samples_are_kept_at_a_change():
    """Samples are exact to a call, so two of them say little."""
    estimate = on_line((1.0, 3.0, 30.0), (0.2, 15.0, 45.0))
    assert len(estimate.line) == 4


def test_small_residuals_of_one_sign_add_up_to_a_change():
    """5% less, in steps of ten calls: each residual is half a call, which alone proves nothing."""
    estimate = on_line((1.0, 10.0, 100.0), (0.95, 10.0, 400.0))
    assert estimate.line[0].at >= 100.0
    assert estimate.rate == pytest.approx(0.95, rel=0.005)


def test_residuals_of_both_signs_do_not_add_up():
    estimate = RefillEstimate()
    estimate.add(EmptyBucketSample(0.0, 0.0, 0), 1.0)
    admitted = 0.0
    for n in range(1, 31):
        admitted += 10.0 + (0.3 if n % 2 else -0.3)
        estimate.add(EmptyBucketSample(10.0 * n, admitted, round(admitted)), 1.0)
    assert estimate.line[0].at == 0.0


@pytest.mark.parametrize(("rate", "kept"), [(10.0, 400.0), (0.1, 600.0)])
def test_old_samples_are_dropped(rate, kept):
    """After 400 s, or after the time of 60 calls if that is longer."""
    estimate = on_line((rate, 50.0, 2000.0))
    assert 2000.0 - estimate.line[0].at == pytest.approx(kept)


def test_two_samples_are_kept_at_any_age():
    estimate = on_line((10.0, 3600.0, 7200.0))
    assert len(estimate.line) == 2
    assert estimate.rate == pytest.approx(10.0)


def test_calls_are_counted_from_the_first_sample_kept():
    estimate = on_line((10.0, 100.0, 1000.0))
    assert estimate.calls == 10 * estimate.age
