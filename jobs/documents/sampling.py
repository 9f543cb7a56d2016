"""Chooses the sections of a sample: from as many documents as there are, spread over the listing (pure)."""

import heapq
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

GOLDEN = 0x9E3779B97F4A7C15
"""The fractional part of the golden ratio x 2**64."""


class Take(NamedTuple):
    """Sections of one document."""

    skip: int
    """Sections that were taken before."""
    limit: int


def spread(count: int, numbers: Iterable[int]) -> list[int]:
    """This many of the numbers, in order and evenly spread: those whose multiple of the golden ratio is the smallest.

    (The fractional parts of these multiples fill an interval evenly.) A larger count keeps those of a smaller one, more
    numbers change few, and the distances are not regular, as folders often are.
    """
    return sorted(heapq.nsmallest(count, numbers, key=lambda number: number * GOLDEN % (1 << 64)))


@dataclass(slots=True)
class Sampler:
    """Plans a sample in rounds: what documents lack, the next round takes from others. It depends on nothing else.

    First from documents that were not read, as many as possible; then more from those that have more sections.
    """

    missing: int
    """Sections that the sample lacks; all of them at first."""
    documents: int
    """Readable documents of the listing; they are numbered from 0."""
    preferred: Collection[int] = ()
    """Documents that are taken before all others (FileRules.first)."""
    _taken: dict[int, int] = field(default_factory=dict)
    """Sections by document."""
    _asked: int = 0
    """Documents of the last round."""
    _exhausted: set[int] = field(default_factory=set)
    """Documents without further sections."""

    def round(self) -> dict[int, Take]:
        """What to take next, by document; empty at the end.

        Each round asks at least twice as many documents, as many may be empty: stop when nothing is missing.
        """
        missing = self.missing
        if not missing:
            return {}
        pool = [number for number in range(self.documents) if number not in self._taken]
        pool = pool or [number for number in sorted(self._taken) if number not in self._exhausted]
        count = max(missing, 2 * self._asked)
        chosen = spread(count, (number for number in pool if number in self.preferred))
        chosen = sorted(
            chosen + spread(count - len(chosen), (number for number in pool if number not in self.preferred))
        )
        self._asked = len(chosen)
        if not chosen:
            return {}
        share, extra = divmod(missing, len(chosen))
        return {
            number: Take(self._taken.get(number, 0), max(1, share + (index < extra)))
            for index, number in enumerate(chosen)
        }

    def took(self, document: int, sections: int, *, more: bool) -> None:
        """Sections were taken; `more`: the document has others."""
        self._taken[document] = self._taken.get(document, 0) + sections
        self.missing -= sections
        if not more:
            self._exhausted.add(document)
