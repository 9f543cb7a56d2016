"""Which calls a fault hits."""

import pytest

from jobs.emulator.faults import KINDS, Fault, FaultPlan


def hits(*faults: Fault, calls: int = 10, random: float = 0.5, step: float = 1.0) -> list[str]:
    plan = FaultPlan(faults, 100.0, lambda: random)
    picked = (plan.pick(100.0 + at * step) for at in range(calls))
    return [fault.kind if fault else "" for fault in picked]


def test_a_fault_without_conditions_hits_every_call():
    assert hits(Fault("reset"), calls=3) == ["reset"] * 3


def test_count_limits_the_hits():
    assert hits(Fault("reset", count=2), calls=4) == ["reset", "reset", "", ""]


def test_every_hits_each_nth_call():
    assert hits(Fault("hang", every=3), calls=6) == ["", "", "hang"] * 2


def test_start_and_end_limit_the_time():
    assert hits(Fault("unavailable", start=2, end=4), calls=6) == ["", "", "unavailable", "unavailable", "", ""]


def test_probability_is_compared_with_a_random_number():
    assert hits(Fault("empty", probability=0.4), calls=2, random=0.39) == ["empty"] * 2
    assert hits(Fault("empty", probability=0.4), calls=2, random=0.4) == [""] * 2


def test_the_first_fault_that_applies_hits():
    assert hits(Fault("reset", count=1), Fault("hang", every=2), calls=4) == ["reset", "", "hang", ""]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kind": "flood"}, "unknown fault 'flood'; known faults: blank, "),
        ({"kind": "reset", "probability": 1.5}, "not between 0 and 1"),
        ({"kind": "reset", "every": 0}, "at least 1"),
        ({"kind": "reset", "count": -1}, "at least 0"),
        ({"kind": "drip", "argument": "slowly"}, "slowly"),
    ],
)
def test_an_invalid_fault_raises_value_error(fields, message):
    with pytest.raises(ValueError, match=message):
        Fault(**fields)


def test_faults_before_the_model_runs_are_not_billed():
    free = {kind for kind in KINDS if not Fault(kind).model_ran}
    assert free == {
        "requests", "tokens", "tokens-per-day", "not-ready", "overloaded", "unavailable", "connections",
        "quota-exceeded", "invalid", "no-on-demand", "denied", "expired", "untyped", "not-found",
        "html-503", "redirect",
    }  # fmt: skip
