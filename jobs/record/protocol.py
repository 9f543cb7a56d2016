"""The record as the pipeline uses it: each unit with its attempts and its answer.

A unit's key is unique, so enrolling a section is the deduplication. A unit has at most one open attempt.
"""

from collections.abc import Awaitable, Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

from jobs.documents.document import Document
from jobs.requests.answer import Answer
from jobs.requests.reply import Reply


class Status(StrEnum):
    NEW = "new"
    """No outcome yet: it is called in this run or the next."""
    OK = "ok"
    INCOMPLETE = "incomplete"
    FAILED = "failed"
    HELD = "held"
    """The outcome of its last call is unknown, and --on-unknown hold forbids another one."""
    FALLBACK = "fallback"
    """It has a local answer from an outage; the next run calls it."""

    def survives(self, new: "Status") -> bool:
        """Whether a unit of this status keeps it when an attempt ends with `new`.

        A paid answer is only replaced by an answer at least as good: `ok` by `ok`, `incomplete` by either.
        """
        if self is Status.OK:
            return new is not Status.OK
        return self is Status.INCOMPLETE and new not in (Status.OK, Status.INCOMPLETE)


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
    section_id: str
    """16 hex digits."""
    number: int
    """Index within its document."""
    heading: tuple[str, ...]
    location: str
    key: bytes
    """Key of its request (sha256, 32 bytes)."""
    text: str
    """The text below the heading."""
    version_1_keys: Sequence[bytes] = ()
    """Keys that the request had in journals of schema version 1."""


class Enrolment(NamedTuple):
    """The unit of an enrolled section."""

    disposition: Disposition
    unit: int


class Record(Protocol):
    """What the pipeline asks of the record.

    Each operation is applied in the order of the calls, even if its caller stops waiting; awaiting it waits until it is
    durable.
    """

    @property
    def waiting(self) -> int:
        """Operations not yet started."""
        ...

    def enroll(
        self, document: Document, position: int, entries: Sequence[SectionEntry], *, done: bool
    ) -> Awaitable[list[Enrolment]]:
        """Enroll sections of a document, in order; returns an Enrolment for each.

        `position` is the document's index in the listing. `done`: these are its last sections, and `document` is final.
        """
        ...

    def open(self, unit: int, largest_cost_usd: float | None) -> Awaitable[int]:
        """Open an attempt before its call is sent; returns its id. Without a known price its largest cost is None.

        Raises:
            Exception: the unit has an open attempt.
        """
        ...

    def close(
        self, attempt: int, reply: Reply, status: Status, *, cost_usd: float | None, permanent: bool
    ) -> Awaitable[None]:
        """Close an attempt, with its answer if there is one.

        `status` is the unit's from now on (NEW: it needs another attempt). `permanent`: it failed, and the same request
        would fail again.
        """
        ...

    def close_uncalled(
        self, unit: int, status: Status, code: str, message: str, answer: Answer | None = None
    ) -> Awaitable[None]:
        """Close a unit that is not called, with a local answer if there is one; a paid answer stays (Status.survives).

        FAILED: it cannot be called under the limits of this run. FALLBACK: it gets a local answer during an outage.
        """
        ...
