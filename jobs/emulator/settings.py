"""The emulator's settings, and reading them from JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar, get_args

from jobs.emulator.faults import Fault
from jobs.emulator.quotas import QuotaRules, Refill

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class EmulatorSettings(QuotaRules):
    """Port, credentials, latency and faults, besides the quotas of each model (QuotaRules)."""

    port: int = 0
    """On loopback; 0: any free port."""
    latency: float = 0.0
    """Median seconds of a call."""
    jitter: float = 0.0
    """Sigma of the lognormal distribution of the latency; 0: every call takes the median."""
    seed: int = 0
    """Seed of the latencies and of the faults' probabilities."""
    faults: tuple[Fault, ...] = ()
    access_key: str = ""
    """If set with `secret_key`, calls must be signed with this pair (SigV4)."""
    secret_key: str = field(default="", repr=False)
    bearer_token: str = field(default="", repr=False)
    """If set, calls must carry this token, or a signature if there is an access key."""
    certificate: str = ""
    """Path of a PEM file with a certificate and its key, for TLS; empty: plain HTTP."""


def from_json(kind: type[T], values: object) -> T:
    """Build settings, quota rules or a fault; an unknown name or a value of the wrong type raises ValueError."""
    if not isinstance(values, Mapping):
        raise ValueError(f"{kind.__name__} must be a JSON object, not {type(values).__name__}")  # noqa: TRY004
    types = {member.name: member.type for member in fields(kind)}  # type: ignore[arg-type]
    checked: dict[str, Any] = {}
    for name, value in values.items():
        if name not in types:
            raise ValueError(f"unknown name {name!r}; known names: {', '.join(types)}")
        checked[name] = faults_from_json(value) if name == "faults" else _check(name, value, types[name])
    return kind(**checked)


def faults_from_json(values: object) -> tuple[Fault, ...]:
    if not isinstance(values, list):
        raise ValueError("faults must be a list")  # noqa: TRY004
    return tuple(from_json(Fault, value) for value in values)


def _check(name: str, value: Any, kind: Any) -> Any:
    options = get_args(kind) or (kind,)
    fits = type(value) in options or (type(value) is int and float in options)
    if not (value in options if kind == Refill else fits):
        raise ValueError(f"{name} is {value!r}, expected {kind}")
    return value
