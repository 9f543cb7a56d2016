"""The outcomes of a call. `jobs.bedrock.classification` maps every reply to one of them."""

from enum import StrEnum


class Outcome(StrEnum):
    """How an attempt ended.

    OK: an answer that may be stored as a success.
    INCOMPLETE: paid for, but truncated, filtered, malformed or empty; kept, never stored as a success.
    THROTTLED: a 429; not paid, the unit returns to the head of the queue.
    TRANSIENT: provably not paid (never sent, or rejected for another passing reason); retried with backoff.
    UNKNOWN: may have been paid (reset or timeout after sending, 408, 424, 500); bounded retries, or held.
    INVALID: this unit can never succeed as it is (400); it fails alone.
    FATAL: every call would fail the same way (403, 404, daily quota); the run stops after the first few.
    CANCELLED: withdrawn before it was sent.
    """

    OK = "ok"
    INCOMPLETE = "incomplete"
    THROTTLED = "throttled"
    TRANSIENT = "transient"
    UNKNOWN = "unknown"
    INVALID = "invalid"
    FATAL = "fatal"
    CANCELLED = "cancelled"
