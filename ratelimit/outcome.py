"""The outcomes of a call. `jobs.bedrock.classification` maps every reply to one of them."""

from enum import StrEnum


class Outcome(StrEnum):
    """How one attempt ended.

    OK: an answer that may be stored as a success.
    INCOMPLETE: paid for, but truncated, filtered, malformed or empty; kept, never stored as a success.
    THROTTLED: throttled for a quota (429); nothing was paid, the unit goes back to the head of the gate.
    TRANSIENT: provably not paid (never sent, or throttled for another passing reason); retried with backoff.
    UNKNOWN: it may have been paid (reset or timeout after sending, 408, 424, 500); bounded retries, or held.
    INVALID: this unit can never succeed as it is (400); it fails alone.
    FATAL: every call would fail alike (403, 404, the day's quota); the run stops after the first few.
    CANCELLED: withdrawn by ourselves before it left.
    """

    OK = "ok"
    INCOMPLETE = "incomplete"
    THROTTLED = "throttled"
    TRANSIENT = "transient"
    UNKNOWN = "unknown"
    INVALID = "invalid"
    FATAL = "fatal"
    CANCELLED = "cancelled"
