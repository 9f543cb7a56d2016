"""Numbers for people."""

import pytest

from cli.render.numbers import cost, count, counted, duration, money, percent


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0s"),
        (0.4, "<1s"),
        (59.9, "59s"),
        (60, "1m 00s"),
        (80, "1m 20s"),
        (7_500, "2h 05m"),
        (273_600, "3d 04h"),
        (-3, "0s"),
    ],
)
def test_durations(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


@pytest.mark.parametrize(
    ("usd", "shown"),
    [(0, "$0.00"), (0.00001, "<$0.0001"), (0.0123, "$0.0123"), (1, "$1.00"), (12.345, "$12.35"), (1234.5, "$1,234.50")],
)
def test_money(usd: float, shown: str) -> None:
    assert money(usd) == shown


def test_counts() -> None:
    assert (count(12345), count(97.6), counted(1, "call"), counted(1200, "call")) == (
        "12,345",
        "98",
        "1 call",
        "1,200 calls",
    )


@pytest.mark.parametrize(("fraction", "shown"), [(0, "0%"), (0.29, "29%"), (0.999999, "99%"), (1.0, "100%")])
def test_a_percentage_is_rounded_down(fraction: float, shown: str) -> None:
    assert percent(fraction) == shown


def test_a_cost_says_if_it_is_unknown_or_not_paid() -> None:
    assert cost(None, emulated=False) == "unknown price"
    assert cost(1.5, emulated=False) == "$1.50"
    assert cost(0.0123, emulated=True) == "$0.0123 at list price, nothing is paid"
