"""Recent rates."""

from hypothesis import given
from hypothesis import strategies as st

from jobs.progress.rate_window import RateWindow


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(1, 5)), max_size=50))
def test_a_rate_window_is_the_sum_over_the_last_minute(steps):
    minute, now, counted = RateWindow(), 0.0, []
    for step, amount in steps:
        now += step
        minute.add(now, amount)
        counted.append((now, amount))
        assert minute.total(now) == sum(amount for at, amount in counted if int(at) > int(now) - 60)
