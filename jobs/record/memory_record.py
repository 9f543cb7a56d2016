"""A record in memory, for simulations and tests: virtual time allows no thread that waits for a disk."""

import asyncio
from array import array
from collections import Counter
from collections.abc import Sequence

from jobs.documents.document import Document
from jobs.record.protocol import Disposition, Enrolment, SectionEntry, Status
from jobs.requests.answer import Answer
from jobs.requests.reply import Reply

KEY_BYTES = 32
"""Length of a sha256."""


class MemoryRecord:
    """Implements Record; keeps a key and a status byte for each unit, so a million units take 50 MB."""

    waiting = 0

    def __init__(self) -> None:
        self._keys = _Keys()
        self._statuses = bytearray()
        """By unit: index into _STATUSES."""
        self.open_attempts: dict[int, int] = {}
        """Units of the open attempts, by attempt."""
        self._called: set[int] = set()
        """Units with an open attempt."""
        self._attempts = 0

    @property
    def statuses(self) -> Counter[Status]:
        return Counter(map(_STATUSES.__getitem__, self._statuses))

    def enroll(
        self, document: Document, position: int, entries: Sequence[SectionEntry], *, done: bool
    ) -> "asyncio.Future[list[Enrolment]]":
        enrolments = []
        for entry in entries:
            unit, disposition = self._keys.number(entry.key), Disposition.DUPLICATE
            if unit == len(self._statuses):
                disposition = Disposition.NEW
                self._statuses.append(_STATUSES.index(Status.NEW))
            enrolments.append(Enrolment(disposition, unit))
        enrolled: asyncio.Future[list[Enrolment]] = asyncio.get_running_loop().create_future()
        enrolled.set_result(enrolments)  # awaiting it costs no turn of the loop
        return enrolled

    async def open(self, unit: int, largest_cost_usd: float | None) -> int:
        if unit in self._called:
            raise RuntimeError(f"unit {unit} has an open attempt already")
        attempt = self._attempts
        self._attempts += 1
        self._called.add(unit)
        self.open_attempts[attempt] = unit
        return attempt

    async def close(
        self, attempt: int, reply: Reply, status: Status, *, cost_usd: float | None, permanent: bool
    ) -> None:
        unit = self.open_attempts.pop(attempt, None)
        if unit is None:
            raise RuntimeError(f"attempt {attempt} is not open")
        self._called.remove(unit)
        self._set(unit, status)

    async def close_uncalled(
        self, unit: int, status: Status, code: str, message: str, answer: Answer | None = None
    ) -> None:
        self._set(unit, status)

    def _set(self, unit: int, status: Status) -> None:
        if not _STATUSES[self._statuses[unit]].survives(status):
            self._statuses[unit] = _STATUSES.index(status)


_STATUSES = tuple(Status)


class _Keys:
    """Numbers keys from 0 in order of first use: an open-addressing hash table, 50 bytes a key (a dict: 150)."""

    def __init__(self) -> None:
        self._keys = bytearray()
        """All keys, concatenated."""
        self._slots = array("i", [-1]) * 1024
        """Key numbers; -1 is a free slot. Linear probing; at least half of the slots are free."""

    def number(self, key: bytes) -> int:
        """The number of a key, assigned at its first use."""
        slot, known = self._find(key)
        if known >= 0:
            return known
        number = self._slots[slot] = len(self._keys) // KEY_BYTES
        self._keys += key
        if 2 * number > len(self._slots):
            self._grow()
        return number

    def _find(self, key: bytes) -> tuple[int, int]:
        """The key's slot and number; the number is -1 if the key is new."""
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
