"""Parsers of the options of `simulate` and of the [[user]] tables in its scenario files; see cli.config.parsers."""

import difflib
from typing import TYPE_CHECKING, Final, TypeVar

from cli.config import parsers as values

if TYPE_CHECKING:
    from jobs.simulation.scenario import Outage, Tenant

MINUTE: Final = 60.0
DAY: Final = 86400.0
MAX_SECONDS: Final = 30 * DAY
"""Upper bound of every time."""
MAX_RPM: Final = 1e7
MAX_TPM: Final = 1e12
"""Above the quotas of any account."""
MAX_REQUESTS: Final = 100_000_000
"""About two hours of simulation per algorithm."""
MAX_USERS: Final = 1000
MIN_LOAD, MAX_LOAD = 0.01, 100.0
MAX_WEIGHT = 1e6
MIN_SHARE, MAX_SHARE = 1e-6, 1e6

_Number = TypeVar("_Number", int, float)


def algorithm(value: object) -> str:
    from jobs.simulation.comparison import ALGORITHMS

    name = values.text(value)
    if name not in ALGORITHMS:
        nearest = difflib.get_close_matches(name, ALGORITHMS, n=1, cutoff=0.0)[0]
        raise ValueError(f"unknown algorithm {name[:80]!r}, did you mean {nearest}? Known: {', '.join(ALGORITHMS)}")
    return name


def burst(value: object) -> float:
    """Seconds, at most a minute: a larger bucket would hold more than the quota."""
    seconds = values.some_time(value)
    if seconds > MINUTE:
        raise ValueError(f"must be at most 60s, not {value!r}")
    return seconds


def users(value: object) -> int:
    return _at_most(MAX_USERS, values.whole(value), value)


def requests(value: object) -> int:
    return _at_most(MAX_REQUESTS, values.whole(value), value)


def rpm(value: object) -> float:
    return _at_most(MAX_RPM, values.positive(value), value, " per minute")


def tpm(value: object) -> float:
    return _at_most(MAX_TPM, values.positive(value), value, " per minute")


def time(value: object) -> float:
    """Seconds: a duration, or a time since the start."""
    seconds = values.duration(value)
    if seconds > MAX_SECONDS:
        raise ValueError(f"must be at most {MAX_SECONDS / DAY:.0f}d, not {value!r}")
    return seconds


def duration(value: object) -> float:
    """Seconds, more than 0."""
    values.some_time(value)
    return time(value)


def load(value: object) -> float:
    number = values.positive(value)
    if not MIN_LOAD <= number <= MAX_LOAD:
        raise ValueError(f"must be from {MIN_LOAD:g} to {MAX_LOAD:g}, not {value!r}")
    return number


def outage(value: object) -> "Outage":
    """`FROM-TO`, times since the start."""
    from jobs.simulation.scenario import Outage

    return value if isinstance(value, Outage) else Outage(*_span(values.text(value)))


def quota_change(value: object) -> tuple[float, float]:
    """`T:RATE`: seconds since the start, and requests per minute from then on."""
    if isinstance(value, tuple):
        return value
    at, colon, rate = values.text(value).partition(":")
    if not colon:
        raise ValueError(f"must be T:RATE, as in 5m:50, not {value!r}")
    return time(at), rpm(rate)


def tenant(value: object) -> "Tenant":
    """`FROM-TO:RPM`."""
    from jobs.simulation.scenario import Tenant

    if isinstance(value, Tenant):
        return value
    span, colon, rate = values.text(value).rpartition(":")
    if not colon:
        raise ValueError(f"must be FROM-TO:RPM, as in 5m-10m:300, not {value!r}")
    return Tenant(*_span(span), rpm(rate))


def weight(value: object) -> float:
    number = values.positive(value)
    if not 1 <= number <= MAX_WEIGHT:
        raise ValueError(f"must be a number from 1 to {MAX_WEIGHT:,.0f}, not {value!r}")
    return number


def share(value: object) -> float:
    number = values.positive(value)
    if not MIN_SHARE <= number <= MAX_SHARE:
        raise ValueError(f"must be a number from {MIN_SHARE:f} to {MAX_SHARE:,.0f}, not {value!r}")
    return number


def token_range(value: object) -> tuple[int, int]:
    """`[FROM, TO]` in TOML."""
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError(f"must be two numbers, [FROM, TO], not {value!r}")
    low, high = (values.tokens(number) for number in value)
    if low > high:
        raise ValueError(f"FROM must not be greater than TO, not {value!r}")
    return low, high


def _at_most(maximum: float, number: _Number, value: object, unit: str = "") -> _Number:
    if number > maximum:
        raise ValueError(f"must be at most {maximum:,.0f}{unit}, not {value!r}")
    return number


def _span(text: str) -> tuple[float, float]:
    start, dash, end = text.partition("-")
    if not dash:
        raise ValueError(f"must be FROM-TO, as in 60-120 or 1m-2m, not {text!r}")
    span = time(start), time(end)
    if span[0] >= span[1]:
        raise ValueError(f"must end after it starts, not {text!r}")
    return span
