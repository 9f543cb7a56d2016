from dataclasses import dataclass


@dataclass(slots=True)
class Counts:
    """The counters of one run so far."""

    documents: int = 0
    """Documents read to their end, unreadable ones included."""
    bytes_read: int = 0
    """Bytes of those documents."""
    sections_read: int = 0
    """Sections of those documents."""
    unreadable: int = 0
    sections: int = 0
    """Sections in the record: each is a new unit or one of `resumed`, `cached`, `duplicates` and `skipped`."""
    resumed: int = 0
    """Sections that this directory had an answer for."""
    cached: int = 0
    duplicates: int = 0
    skipped: int = 0
    """Sections that failed, or are incomplete or held, since an earlier run, and were not selected by --retry."""
    units: int = 0
    """Units to call for."""
    units_done: int = 0
    """Units with a status: the sum of `ok`, `incomplete`, `failed`, `held` and `fallback`."""
    ok: int = 0
    incomplete: int = 0
    failed: int = 0
    held: int = 0
    fallback: int = 0
    """Units with a local answer."""
    calls: int = 0
    in_flight: int = 0
    throttled: int = 0
    retried: int = 0
    """Calls for a unit with a failed call before. A throttled call is no failure."""
    input_tokens: int = 0
    output_tokens: int = 0
