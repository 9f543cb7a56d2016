"""The protocol of the record that the dispatcher leans on, and an in-memory one for virtual time.

A unit's key is unique: entering it *is* the deduplication. At most one attempt is open for a unit at any time.
Methods are synchronous and run inside one transaction that their caller commits (jobs.group_commit).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from jobs.answer import Answer
from jobs.documents.document import Document
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


class Place(StrEnum):
    """Where a section's answer comes from, as seen when it was entered."""

    NEW = "new"
    """Its unit is to be called, by whoever entered this section."""
    RESUMED = "resumed"
    """This directory had the answer before this run."""
    CACHED = "cached"
    """The cache had it, and now this directory has."""
    COALESCED = "coalesced"
    """Another section of this run brings it."""
    LEFT = "left"
    """Failed, incomplete or held before, and left so."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A section as it enters the record."""

    section_id: str
    """16 hex digits."""
    index: int
    heading: tuple[str, ...]
    place: str
    key: bytes


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What came of an Entry."""

    place: Place
    unit: int


@dataclass(frozen=True, slots=True)
class Closing:
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


class Recall(Protocol):
    """Answers of earlier runs in other directories."""

    def find(self, keys: Sequence[bytes]) -> dict[bytes, Answer]:
        """The answers to these keys that are known."""
        ...

    def keep(self, key: bytes, answer: Answer) -> None:
        """Remember a complete answer."""
        ...


class NoRecall:
    """Remembers nothing (--no-cache)."""

    def find(self, keys: Sequence[bytes]) -> dict[bytes, Answer]:
        """Nothing."""
        return {}

    def keep(self, key: bytes, answer: Answer) -> None:
        """Forgotten at once."""


class Store(Protocol):
    """What the dispatcher asks of the record."""

    def meet(self, path: str, position: int) -> int:
        """A document of this run, at this position of the listing; returns its id."""
        ...

    def finish(self, document: int, read: Document) -> None:
        """A document was read to its end, or could not be."""
        ...

    def enroll(self, document: int, entries: Sequence[Entry], recall: Recall) -> list[Enrolment]:
        """Enter sections of a document; one Enrolment for each, in order."""
        ...

    def open_attempt(self, unit: int) -> int:
        """Open an attempt for a unit and return its id.

        Raises:
            Exception: one is open already; nobody pays for a unit twice at a time.
        """
        ...

    def close_attempt(self, closing: Closing) -> None:
        """Close an attempt, with its answer if there is one."""
        ...

    def fail(self, unit: int, code: str, message: str) -> None:
        """A unit cannot be called under the limits of this run."""
        ...

    def fall_back(self, unit: int, answer: Answer, code: str, message: str) -> None:
        """A unit is answered locally, as the service is out; what it was answered before, it keeps instead."""
        ...


@dataclass(slots=True)
class _Unit:
    status: Status = Status.NEW
    attempt: int | None = None


@dataclass(slots=True)
class MemoryStore:
    """The record of a run that leaves nothing behind; for virtual time, where no thread may wait for a disk."""

    units: list[_Unit] = field(default_factory=list)
    _keys: dict[bytes, int] = field(default_factory=dict)
    _attempts: list[int] = field(default_factory=list)
    """The unit of each attempt."""

    def meet(self, path: str, position: int) -> int:  # noqa: D102
        return position

    def finish(self, document: int, read: Document) -> None:  # noqa: D102
        pass

    def enroll(self, document: int, entries: Iterable[Entry], recall: Recall) -> list[Enrolment]:  # noqa: D102
        enrolments = []
        for entry in entries:
            unit = self._keys.get(entry.key)
            place = Place.COALESCED
            if unit is None:
                unit = self._keys[entry.key] = len(self.units)
                place = Place.CACHED if recall.find([entry.key]) else Place.NEW
                self.units.append(_Unit(Status.OK if place is Place.CACHED else Status.NEW))
            enrolments.append(Enrolment(place, unit))
        return enrolments

    def open_attempt(self, unit: int) -> int:  # noqa: D102
        if self.units[unit].attempt is not None:
            raise RuntimeError(f"unit {unit} has an open attempt already")
        self._attempts.append(unit)
        self.units[unit].attempt = len(self._attempts) - 1
        return len(self._attempts) - 1

    def close_attempt(self, closing: Closing) -> None:  # noqa: D102
        unit = self.units[self._attempts[closing.attempt]]
        if unit.attempt != closing.attempt:
            raise RuntimeError(f"attempt {closing.attempt} is not open")
        unit.attempt = None
        unit.status = closing.status

    def fail(self, unit: int, code: str, message: str) -> None:  # noqa: D102
        self.units[unit].status = Status.FAILED

    def fall_back(self, unit: int, answer: Answer, code: str, message: str) -> None:  # noqa: D102
        self.units[unit].status = Status.FALLBACK
