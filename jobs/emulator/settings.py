"""What an emulator is started with."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar, get_args

from jobs.emulator.faults import Fault
from jobs.emulator.quotas import QuotaRules, Refill

MODEL = "emulated.extract-v1:0"
"""A model id for those who have none in mind; the emulator answers for any."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class EmulatorSettings(QuotaRules):
    """Where to listen, the quotas of each model (see QuotaRules), and how calls fare."""

    host: str = "127.0.0.1"
    """Loopback: whoever can reach the emulator can also change its faults and read its ledger."""
    port: int = 0
    """0: any free one."""
    latency: float = 0.0
    """Median seconds of a call; 0: at once."""
    jitter: float = 0.0
    """Sigma of the lognormal distribution of the latency."""
    seed: int = 0
    """Of the latencies and of the faults' probabilities."""
    faults: tuple[Fault, ...] = ()
    access_key: str = ""
    """Set with `secret_key`: calls must be signed with this pair (SigV4)."""
    secret_key: str = field(default="", repr=False)
    bearer_token: str = field(default="", repr=False)
    """Set: calls with this bearer token are accepted, and unsigned ones are not."""
    certificate: str = ""
    """Path of a PEM certificate for TLS; empty: plain HTTP."""
    private_key: str = ""
    """Path of its PEM key; empty: it stands with the certificate."""


def from_json(kind: type[T], values: object) -> T:
    """Settings, quota rules or a fault from a JSON object.

    Raises:
        ValueError: a name that does not exist, or a value of the wrong type.
    """
    if not isinstance(values, Mapping):
        raise ValueError(f"{kind.__name__} is a JSON object, not {type(values).__name__}")  # noqa: TRY004
    known = {member.name: member for member in fields(kind)}  # type: ignore[arg-type]
    made: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            raise ValueError(f"{name!r} does not exist; there are {', '.join(known)}")
        if name == "faults":
            made[name] = faults_from_json(value)
            continue
        made[name] = _checked(name, value, known[name].type)
    return kind(**made)


def faults_from_json(values: object) -> tuple[Fault, ...]:
    """A list of faults from JSON."""
    if not isinstance(values, list):
        raise ValueError("faults are a list")  # noqa: TRY004
    return tuple(from_json(Fault, value) for value in values)


def _checked(name: str, value: Any, kind: Any) -> Any:
    options = get_args(kind) or (kind,)
    fits = type(value) in options or (type(value) is int and float in options)
    if not (value in options if kind == Refill else fits):
        raise ValueError(f"{name} is {value!r}, which is not of {kind}")
    return value
