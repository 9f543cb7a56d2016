"""Which algorithm is best in each figure."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.simulation.ranking import best, rounded
from jobs.simulation.result import Result

GOOD = Result("good", 300, 300, 0, 0.0, 0.98, 180.0, 178.0, 90.0, 170.0, 0.97, 1.0, 0)


def winners(column: str, **rows: dict[str, float]) -> set[str]:
    return best([replace(GOOD, algorithm=name, **changes) for name, changes in rows.items()])[column]


@pytest.mark.parametrize(
    ("column", "a", "b", "c", "won"),
    [
        ("served", 300, 300, 299, "a b"),
        ("lost", 0, 1, 0, "a c"),
        ("calls", 310, 301, 301, "b c"),
        ("throttle_rate", 0.0, 0.5, 0.01, "a"),
        ("utilisation", 0.97, 0.91, 0.4, "a"),
        ("utilisation", 0.97, 1.2, 1.1, "b"),  # above 1 it also used the initial burst
        ("makespan_s", 300.0, 181.0, 182.0, "b"),
        ("wait_p50_s", 0.2, 0.1, 90.0, "b"),
        ("wait_p95_s", 80.0, 90.0, 70.0, "c"),
        ("worst_minute", 0.2, 0.9, 1.0, "c"),
        ("fairness", 0.5, 0.9, 0.99, "c"),
    ],
)
def test_the_best_figure_of_a_column(column: str, a: float, b: float, c: float, won: str) -> None:
    assert winners(column, a={column: a}, b={column: b}, c={column: c}) == set(won.split())


@pytest.mark.parametrize(
    ("column", "a", "b", "won"),
    [
        ("utilisation", 0.9801, 0.9804, ""),
        ("utilisation", 0.9801, 0.9816, "b"),
        ("makespan_s", 181.9, 181.1, ""),
        ("makespan_s", 181.9, 182.1, "a"),
        ("wait_p50_s", 0.21, 0.24, ""),
        ("wait_p50_s", 0.21, 0.31, "a"),
        ("calls", 300, 301, "a"),
        ("fairness", 0.9951, 0.9999, ""),
        ("fairness", 0.9949, 0.9951, "b"),
        ("makespan_s", 7210.0, 7250.0, ""),
        ("makespan_s", 7250.0, 7270.0, "a"),
        ("makespan_s", 90_000.0, 93_000.0, ""),
        ("makespan_s", 90_000.0, 94_000.0, "a"),
    ],
)
def test_a_difference_below_the_displayed_precision_does_not_decide(column: str, a: float, b: float, won: str) -> None:
    assert winners(column, a={column: a}, b={column: b}) == set(won.split())


BY_DOING_LESS = ["calls", "utilisation", "makespan_s", "wait_p50_s", "wait_p95_s", "worst_minute"]


@pytest.mark.parametrize("column", BY_DOING_LESS)
@pytest.mark.parametrize("less", [{"served": 3, "lost": 297}, {"served": 290}, {"lost": 1}], ids=str)
def test_less_work_does_not_win(column: str, less: dict[str, float]) -> None:
    easy = {"calls": 3, "utilisation": 9.0, "makespan_s": 0.5, "wait_p50_s": 0.0, "wait_p95_s": 0.0, "worst_minute": 1}
    assert winners(column, none=easy | less, good={}) == {"good"}


def test_equal_figures_have_no_winner() -> None:
    """As in an outage of a minute, whatever algorithms had that ended before it."""
    rows = {"a": {"worst_minute": 0.0}, "b": {"worst_minute": 0.0}, "none": {"worst_minute": 1.0, "lost": 9}}
    assert winners("worst_minute", **rows) == set()


def test_a_run_under_a_minute_has_no_lowest_minute() -> None:
    short = {"makespan_s": 59.0, "worst_minute": 1.0}
    assert rounded("worst_minute", replace(GOOD, **short)) is None
    assert winners("worst_minute", a=short, b={"worst_minute": 0.8}, c={"worst_minute": 0.7}) == {"b"}
    assert winners("worst_minute", a=short, b={"worst_minute": 0.8}) == set()
    assert winners("worst_minute", a=short, b={"lost": 1}) == set()


def test_if_all_lost_requests_only_lost_has_a_winner() -> None:
    won = best([replace(GOOD, algorithm="a", lost=1, calls=5), replace(GOOD, algorithm="b", lost=2)])
    assert {column for column, names in won.items() if names} == {"lost"}


def test_small_differences_in_served_count_as_the_same_work() -> None:
    assert winners("calls", a={"served": 300, "calls": 320}, b={"served": 298, "calls": 300}) == {"b"}


@pytest.mark.parametrize("results", [[], [GOOD]], ids=["none", "one"])
def test_without_a_rival_nothing_is_best(results: list[Result]) -> None:
    assert set().union(*best(results).values()) == set()


SHARES = st.floats(0, 1.5)
TIMES = st.floats(0, 1e6)
RESULTS = st.builds(
    replace,
    st.just(GOOD),
    algorithm=st.sampled_from("abcdefgh"),
    served=st.integers(0, 300),
    calls=st.integers(0, 9_000),
    throttle_rate=SHARES,
    utilisation=SHARES,
    makespan_s=TIMES,
    wait_p50_s=TIMES,
    wait_p95_s=TIMES,
    worst_minute=SHARES,
    fairness=SHARES,
    lost=st.integers(0, 3),
)


@given(st.lists(RESULTS, max_size=8, unique_by=lambda result: result.algorithm))
def test_winners_do_not_depend_on_the_order_and_have_equal_figures(results: list[Result]) -> None:
    won = best(results)
    assert won == best(results[::-1])
    named = {result.algorithm: result for result in results}
    for column, names in won.items():
        assert names <= set(named)
        assert len(names) < max(1, len(results)) or not names
        assert len({rounded(column, named[name]) for name in names}) <= 1
