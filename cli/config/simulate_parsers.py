"""Parsers of the options of `simulate` and of the [[user]] tables in its scenario files; see cli.config.parsers."""

from typing import TYPE_CHECKING

from cli.config import parsers as values
from cli.config.parsers import at_most, number

if TYPE_CHECKING:
    from jobs.simulation.scenario import Outage, Tenant

MAX_DAYS = 30
"""Upper bound of every time."""
MAX_REQUESTS = 100_000_000
"""About two hours of simulation per algorithm."""
MAX_USERS = 1000


def algorithm(value: object) -> str:
    from jobs.simulation.comparison import ALGORITHMS

    name = values.text(value)
    if name not in ALGORITHMS:
        raise ValueError(f"unknown algorithm {name[:80]!r}; choose from {', '.join(ALGORITHMS)}")
    return name


burst = at_most(60, values.some_time, "s")  # a larger bucket would hold more than the quota
users = at_most(MAX_USERS, values.whole)
requests = at_most(MAX_REQUESTS, values.whole)
rpm = at_most(1e7, values.positive, " per minute")  # above the quotas of any account
tpm = at_most(1e12, values.positive, " per minute")
load = number(lambda x: 0.01 <= x <= 100, "from 0.01 to 100")
weight = number(lambda x: 1 <= x <= 1e6, "a number from 1 to 1,000,000")
share = number(lambda x: 1e-6 <= x <= 1e6, "a number from 0.000001 to 1,000,000")


def time(value: object) -> float:
    """Seconds: a duration, or a time since the start."""
    seconds = values.duration(value)
    if seconds > MAX_DAYS * 86400:
        raise ValueError(f"must be at most {MAX_DAYS}d, not {value!r}")
    return seconds


def duration(value: object) -> float:
    """As `time`, but more than 0."""
    values.some_time(value)
    return time(value)


def outage(value: object) -> "Outage":
    """`FROM-TO`, times since the start."""
    from jobs.simulation.scenario import Outage

    return Outage(*_span(values.text(value)))


def quota_change(value: object) -> tuple[float, float]:
    """`T:RATE`: seconds since the start, and requests per minute from then on."""
    at, colon, rate = values.text(value).partition(":")
    if not colon:
        raise ValueError(f"must be T:RATE, as in 5m:50, not {value!r}")
    return time(at), rpm(rate)


def tenant(value: object) -> "Tenant":
    """`FROM-TO:RPM`."""
    from jobs.simulation.scenario import Tenant

    span, colon, rate = values.text(value).rpartition(":")
    if not colon:
        raise ValueError(f"must be FROM-TO:RPM, as in 5m-10m:300, not {value!r}")
    return Tenant(*_span(span), rpm(rate))


def token_range(value: object) -> tuple[int, int]:
    """`[FROM, TO]` in TOML."""
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError(f"must be two numbers, [FROM, TO], not {value!r}")
    low, high = map(values.tokens, value)
    if low > high:
        raise ValueError(f"FROM must not be greater than TO, not {value!r}")
    return low, high


def _span(text: str) -> tuple[float, float]:
    start, dash, end = text.partition("-")
    if not dash:
        raise ValueError(f"must be FROM-TO, as in 60-120 or 1m-2m, not {text!r}")
    span = time(start), time(end)
    if span[0] >= span[1]:
        raise ValueError(f"must end after it starts, not {text!r}")
    return span
