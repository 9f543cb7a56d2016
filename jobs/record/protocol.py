"""The protocol of the record that the dispatcher leans on, and an in-memory one for virtual time.

A unit's key is unique: entering it *is* the deduplication. At most one attempt is open for a unit at any time.
Methods are synchronous and run inside one transaction that their caller commits (jobs.record.writer).
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

from jobs.documents.document import Document
from jobs.requests.answer import Answer
from ratelimit.outcome import Outcome


class Status(StrEnum):
    """What is known of a unit.

    NEW: no outcome yet; HELD: its outcome is unknown and it is not called again; FALLBACK: it was answered locally
    while the service was out, and the next run calls for it.
    """

    NEW = "new"
    OK = "ok"
    INCOMPLETE = "incomplete"
    FAILED = "failed"
    HELD = "held"
    FALLBACK = "fallback"


class Disposition(StrEnum):
    """Where a section's answer comes from, decided when the section is enrolled."""

    NEW = "new"
    """Its unit needs a call."""
    ANSWERED = "resumed"
    """An earlier run in this directory answered it."""
    CACHED = "cached"
    """The cache had the answer; it is now in the record."""
    DUPLICATE = "duplicates"
    """Another section of this run has the same unit."""
    SKIPPED = "skipped"
    """Failed, incomplete or held in an earlier run, and not selected by --retry."""


class SectionEntry(NamedTuple):
    """A section as it enters the record."""

    section_id: str
    """16 hex digits."""
    number: int
    """Within its document, from 0."""
    heading: tuple[str, ...]
    location: str
    key: bytes


class Enrolment(NamedTuple):
    """What came of an SectionEntry."""

    disposition: Disposition
    unit: int


class AttemptResult(NamedTuple):
    """How an attempt ended, and what that makes of its unit."""

    attempt: int
    outcome: Outcome
    status: Status
    """NEW leaves the unit to be called again."""
    latency: float
    answer: Answer | None = None
    code: str = ""
    message: str = ""
    request_id: str = ""
    cost_usd: float | None = None
    permanent: bool = False
    """For FAILED: calling again as it is cannot help."""


class AnswerCache(Protocol):
    """Answers of earlier runs in other directories."""

    def find(self, keys: Sequence[bytes]) -> dict[bytes, Answer]:
        """The answers to these keys that are known."""
        ...

    def keep(self, key: bytes, answer: Answer) -> None:
        """Remember a complete answer."""
        ...


class NoCache:
    """Remembers nothing (--no-cache)."""

    def find(self, keys: Sequence[bytes]) -> dict[bytes, Answer]:
        """Nothing."""
        return {}

    def keep(self, key: bytes, answer: Answer) -> None:
        """Forgotten at once."""


class Record(Protocol):
    """What the dispatcher asks of the record."""

    def begin_document(self, path: str, position: int) -> int:
        """A document of this run, at this position of the listing; returns its id."""
        ...

    def end_document(self, document: int, read: Document) -> None:
        """A document was read to its end, or could not be."""
        ...

    def enroll(self, document: int, entries: Sequence[SectionEntry], cache: AnswerCache) -> list[Enrolment]:
        """Enter sections of a document; one Enrolment for each, in order."""
        ...

    def open_attempt(self, unit: int) -> int:
        """Open an attempt for a unit and return its id.

        Raises:
            Exception: one is open already; nobody pays for a unit twice at a time.
        """
        ...

    def close_attempt(self, closing: AttemptResult) -> None:
        """Close an attempt, with its answer if there is one."""
        ...

    def fail(self, unit: int, code: str, message: str) -> None:
        """A unit cannot be called under the limits of this run."""
        ...

    def fall_back(self, unit: int, answer: Answer, code: str, message: str) -> None:
        """A unit is answered locally, as the service is out; what it was answered before, it keeps instead."""
        ...
