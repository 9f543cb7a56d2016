"""What a simulation says of one way of limiting: its figures, and its timeline over time."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Result:
    """The figures of one algorithm, in the order in which they are printed. Times are in seconds."""

    algorithm: str
    served: int
    """Requests that were answered."""
    calls: int
    """That the client sent, refused ones included."""
    throttled: int
    """Calls that were refused for a quota, by the server or by a gateway before it."""
    throttle_rate: float
    """`throttled` of `calls`."""
    utilisation: float
    """Served of what the quota that binds allows from the first call to the last admission (at least a bucket's, or a
    window's length). What a bucket or a window holds at the start is not counted, so it may be above 1."""
    makespan_s: float
    """Until the last admission; its answer comes a latency later."""
    ideal_s: float
    """The same of a client that knows all about the server."""
    wait_p50_s: float
    """From when a request is there to its admission, of those that were admitted: half of them waited no longer."""
    wait_p95_s: float
    worst_minute: float
    """The smallest part of the quota that was used in a whole minute before the last admission; 1 if there is none."""
    fairness: float
    """Jain's index over what each user had, in tokens, as a part of its fair share by weight: 1 is even."""
    lost: int
    """Requests that will have no answer."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """One run over time, in steps of the same length; all lists but `breaker` have an entry for each step."""

    step: float
    """Seconds."""
    admitted: tuple[float, ...]
    """Calls a second that the server let in."""
    refused: tuple[float, ...]
    """Calls a second that were refused, for whatever reason."""
    quota: tuple[float, ...]
    """Calls a second that the quota in force allows (of the mean size in this run, where tokens bind)."""
    waiting: tuple[int, ...]
    """Requests that were there and not yet admitted, at the end of the step."""
    rate: tuple[float | None, ...]
    """Calls a second that the client believes the quota to be; None while it does not know, and for whoever has no
    belief that changes."""
    breaker: tuple[tuple[float, str], ...]
    """When the circuit breaker changed, and to what: `open`, `half-open` or `closed`. Empty: it stayed closed."""
    outages: tuple[tuple[float, float], ...]
    """When the server was out: from, to."""
