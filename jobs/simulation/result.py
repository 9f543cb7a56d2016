"""What a simulation reports of one algorithm: its figures and its timeline."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Result:
    """The figures of one algorithm; the fields and their order are the JSON keys. Times are in seconds."""

    algorithm: str
    served: int
    """Requests answered."""
    calls: int
    """Calls sent, throttled ones included."""
    throttled: int
    """Calls throttled by the server or by a gateway in front of it."""
    throttle_rate: float
    """`throttled` / `calls`."""
    utilisation: float
    """Served / what the binding quota refills from the first call to the last admission (at least one burst, or one
    window). Above 1 if the content of a bucket or window at the start was used as well."""
    makespan_s: float
    """Time of the last admission."""
    ideal_s: float
    """Makespan of an ideal client."""
    wait_p50_s: float
    """Median of the wait from a request's arrival to its admission, over admitted requests."""
    wait_p95_s: float
    worst_minute: float
    """Lowest utilisation in a whole minute before the last admission; 1 if there is none."""
    fairness: float
    """Jain's index over the users' tokens relative to their weighted fair shares; 1: even."""
    lost: int
    """Requests given up: they will not be answered."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """One run over time, in steps of equal length; every tuple but `breaker` and `outages` has one entry per step."""

    step: float
    """Seconds."""
    admitted: tuple[float, ...]
    """Calls per second."""
    rejected: tuple[float, ...]
    """Calls per second that were throttled (429) or failed in an outage (503)."""
    quota: tuple[float, ...]
    """Calls per second that the quota allows; with a binding token quota, at this run's mean tokens per call."""
    waiting: tuple[int, ...]
    """Requests that have arrived and are not admitted, at the end of the step."""
    estimate: tuple[float | None, ...]
    """The client's estimate of `quota`; None: it has none."""
    breaker: tuple[tuple[float, str], ...]
    """(time, `open` | `half-open` | `closed`) of each change of the circuit breaker, which starts closed."""
    outages: tuple[tuple[float, float], ...]
    """(from, to)."""
