"""The protocol of the record that the dispatcher leans on, and an in-memory one for virtual time.

A unit's key is unique: entering it *is* the deduplication. At most one attempt is open for a unit at any time.
Methods are synchronous and run inside one transaction that their caller commits (jobs.record.writer).
"""

from array import array
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

from jobs.documents.document import Document
from jobs.requests.answer import Answer
from ratelimit.outcome import Outcome

KEY_BYTES = 32
"""Of a unit's key (jobs.requests.request)."""


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


class Entry(NamedTuple):
    """A section as it enters the record."""

    section_id: str
    """16 hex digits."""
    number: int
    """Within its document, from 0."""
    heading: tuple[str, ...]
    place: str
    key: bytes


class Enrolment(NamedTuple):
    """What came of an Entry."""

    place: Place
    unit: int


class Closing(NamedTuple):
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

    def begin_document(self, path: str, position: int) -> int:
        """A document of this run, at this position of the listing; returns its id."""
        ...

    def end_document(self, document: int, read: Document) -> None:
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


class MemoryStore:
    """The record of a run that leaves nothing behind; for virtual time, where no thread may wait for a disk.

    Of a unit it keeps its key and a byte: a million of them take 50 MB.
    """

    def __init__(self) -> None:
        self._keys = _Keys()
        self._statuses = bytearray()
        """Of each unit, by the place in _STATUSES."""
        self._open: dict[int, int] = {}
        """The attempts that are open, and their units."""
        self._called: set[int] = set()
        """Units that have an open attempt."""
        self._attempts = 0

    @property
    def statuses(self) -> Counter[Status]:
        """Of how many units there is which status."""
        return Counter(map(_STATUSES.__getitem__, self._statuses))

    @property
    def open_attempts(self) -> int:
        """Attempts that are not closed."""
        return len(self._open)

    def begin_document(self, path: str, position: int) -> int:  # noqa: D102
        return position

    def end_document(self, document: int, read: Document) -> None:  # noqa: D102
        pass

    def enroll(self, document: int, entries: Sequence[Entry], recall: Recall) -> list[Enrolment]:  # noqa: D102
        enrolments, answered = [], recall.find([entry.key for entry in entries])
        for entry in entries:
            unit, place = self._keys.number(entry.key), Place.COALESCED
            if unit == len(self._statuses):
                place = Place.CACHED if entry.key in answered else Place.NEW
                self._statuses.append(_STATUSES.index(Status.OK if place is Place.CACHED else Status.NEW))
            enrolments.append(Enrolment(place, unit))
        return enrolments

    def open_attempt(self, unit: int) -> int:  # noqa: D102
        if unit in self._called:
            raise RuntimeError(f"unit {unit} has an open attempt already")
        attempt = self._attempts
        self._attempts += 1
        self._called.add(unit)
        self._open[attempt] = unit
        return attempt

    def close_attempt(self, closing: Closing) -> None:  # noqa: D102
        unit = self._open.pop(closing.attempt, None)
        if unit is None:
            raise RuntimeError(f"attempt {closing.attempt} is not open")
        self._called.remove(unit)
        self._set(unit, closing.status)

    def fail(self, unit: int, code: str, message: str) -> None:  # noqa: D102
        self._set(unit, Status.FAILED)

    def fall_back(self, unit: int, answer: Answer, code: str, message: str) -> None:  # noqa: D102
        self._set(unit, Status.FALLBACK)

    def _set(self, unit: int, status: Status) -> None:
        self._statuses[unit] = _STATUSES.index(status)


_STATUSES = tuple(Status)


class _Keys:
    """Numbers keys in the order in which they come: a hash table of about 50 bytes a key, where a dict takes 150."""

    def __init__(self) -> None:
        self._keys = bytearray()
        """One after the other."""
        self._slots = array("i", [-1]) * 1024
        """The numbers of the keys, each in the first free slot from the one that its hash says; at least half are free.
        """

    def number(self, key: bytes) -> int:
        """From 0; of a key that came before, what it was then."""
        slot, known = self._find(key)
        if known >= 0:
            return known
        number = self._slots[slot] = len(self._keys) // KEY_BYTES
        self._keys += key
        if 2 * number > len(self._slots):
            self._grow()
        return number

    def _find(self, key: bytes) -> tuple[int, int]:
        """The slot of a key, and its number; -1 if the slot is free."""
        keys, slots = self._keys, self._slots
        size = len(slots)
        slot = hash(key) % size
        while (number := slots[slot]) >= 0 and not keys.startswith(key, KEY_BYTES * number):
            slot = (slot + 1) % size
        return slot, number

    def _grow(self) -> None:
        self._slots = array("i", [-1]) * (4 * len(self._slots))
        for number in range(len(self._keys) // KEY_BYTES):
            slot, _ = self._find(bytes(self._keys[KEY_BYTES * number : KEY_BYTES * (number + 1)]))
            self._slots[slot] = number
