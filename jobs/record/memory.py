"""The record of a run that leaves nothing behind: for virtual time, where no thread may wait for a disk."""

from array import array
from collections import Counter
from collections.abc import Sequence

from jobs.documents.document import Document
from jobs.record.protocol import AnswerCache, AttemptResult, Disposition, Enrolment, SectionEntry, Status
from jobs.requests.answer import Answer

KEY_BYTES = 32
"""Of a unit's key (sha256)."""


class MemoryRecord:
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

    def begin_document(self, path: str, position: int) -> int:
        return position

    def end_document(self, document: int, read: Document) -> None:
        pass

    def enroll(self, document: int, entries: Sequence[SectionEntry], cache: AnswerCache) -> list[Enrolment]:
        enrolments, answered = [], cache.find([entry.key for entry in entries])
        for entry in entries:
            unit, place = self._keys.number(entry.key), Disposition.DUPLICATE
            if unit == len(self._statuses):
                place = Disposition.CACHED if entry.key in answered else Disposition.NEW
                self._statuses.append(_STATUSES.index(Status.OK if place is Disposition.CACHED else Status.NEW))
            enrolments.append(Enrolment(place, unit))
        return enrolments

    def open_attempt(self, unit: int) -> int:
        if unit in self._called:
            raise RuntimeError(f"unit {unit} has an open attempt already")
        attempt = self._attempts
        self._attempts += 1
        self._called.add(unit)
        self._open[attempt] = unit
        return attempt

    def close_attempt(self, closing: AttemptResult) -> None:
        unit = self._open.pop(closing.attempt, None)
        if unit is None:
            raise RuntimeError(f"attempt {closing.attempt} is not open")
        self._called.remove(unit)
        self._set(unit, closing.status)

    def fail(self, unit: int, code: str, message: str) -> None:
        self._set(unit, Status.FAILED)

    def fall_back(self, unit: int, answer: Answer, code: str, message: str) -> None:
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
