"""Chooses the sections of a sample: from as many documents as there are, spread over the listing (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


class Take(NamedTuple):
    """Sections of one document."""

    skip: int
    """Sections that were taken before."""
    limit: int


def spread(count: int, items: Sequence[int]) -> list[int]:
    """This many of the items, at even distances: each is in the middle of its part."""
    return [items[(2 * index + 1) * len(items) // (2 * count)] for index in range(count)]


@dataclass(slots=True)
class Sampler:
    """Plans a sample in rounds: what documents lack, the next round takes from others. It depends on nothing else.

    First from documents that were not read, as many as possible; then more from those that have more sections.
    """

    size: int
    """Sections of the sample."""
    documents: int
    """Readable documents of the listing; they are numbered from 0."""
    _taken: dict[int, int] = field(default_factory=dict)
    """Sections by document."""
    _exhausted: set[int] = field(default_factory=set)
    """Documents without further sections."""

    @property
    def missing(self) -> int:
        """Sections that the sample lacks."""
        return self.size - sum(self._taken.values())

    def round(self) -> dict[int, Take]:
        """What to take next, by document; empty at the end."""
        missing = self.missing
        pool = [number for number in range(self.documents) if number not in self._taken]
        pool = pool or [number for number in sorted(self._taken) if number not in self._exhausted]
        chosen = spread(min(missing, len(pool)), pool)
        if not chosen:
            return {}
        share, extra = divmod(missing, len(chosen))
        return {
            number: Take(self._taken.get(number, 0), share + (index < extra)) for index, number in enumerate(chosen)
        }

    def took(self, document: int, sections: int, *, more: bool) -> None:
        """Sections were taken; `more`: the document has others."""
        self._taken[document] = self._taken.get(document, 0) + sections
        if not more:
            self._exhausted.add(document)
