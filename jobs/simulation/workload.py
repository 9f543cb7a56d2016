"""What the client has to do: sections whose sizes follow from a seed, as cheap as a simulation of a million needs them.

A simulated request is not JSON of Converse. It carries the number of its section, by which the simulated server knows
how many tokens go in and come out, and its length tells the client about how many go in, as that of text would.
"""

import asyncio
from array import array
from bisect import bisect
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, repeat
from itertools import count as integers

from jobs.documents.document import Document
from jobs.documents.parsing import Chunk
from jobs.documents.splitting import Section
from jobs.requests.model import Model
from jobs.requests.request import Request, RequestTemplate
from jobs.simulation.rng import Rng
from jobs.simulation.server import MODEL

BYTES_PER_TOKEN = 1.0
"""Of the simulated text, on average. Real text has more, and a million requests of it would take time to copy."""
SPREAD = 0.1
"""How far a section's bytes a token may be from the average, of it."""
_CHUNK = 20
"""Sections in a chunk."""
_NUMBER = slice(5, 14)
"""Where a body has its section's number."""


@dataclass(frozen=True, slots=True)
class Mix:
    """Sizes of sections and of their answers, in tokens."""

    input: tuple[int, int] = (500, 3500)
    """Uniform between the two, the task's text included."""
    output: float = 350.0
    """Median of a lognormal distribution; cut off at maxTokens."""
    sigma: float = 0.6


@dataclass(frozen=True, slots=True)
class User:
    """One of those whose requests share the quotas."""

    name: str
    weight: float = 1.0
    """What it is entitled to, beside the others; 1 or more."""
    share: float = 1.0
    """How many of the requests are its own, beside the others."""
    mix: Mix = field(default_factory=Mix)


def simulated_model(burndown: float = 1.0) -> Model:
    """The catalogue's entry of the simulated model."""
    return Model(MODEL, burndown, BYTES_PER_TOKEN, None, None)


@dataclass
class Work:
    """Sections without end, or `count` of them, each with an answer of its own."""

    seed: int = 0
    count: int | None = None
    max_tokens: int = 1024
    mixes: tuple[Mix, ...] = (Mix(),)
    """Taken in turn, `block` sections of each in a row."""
    block: int = _CHUNK
    documents: int = 1
    """Open at once, in turn like the mixes: as many of both, and each document has a mix of its own."""
    users: tuple[User, ...] = ()
    """QuotaScope requests they are, in random order; in the place of `mixes` and `documents`: one document each."""
    sizes: Sequence[int] = ()
    """Input tokens of the sections in order, over and over, in the place of what the mix says."""
    spread: float = SPREAD
    """How far a section's bytes a token may be from the average, of it: the client does not count tokens."""
    arrivals: Iterable[float] = field(default_factory=lambda: repeat(0.0))
    """When each section is there to be called for, in order; seconds."""
    inputs: "array[int]" = field(default_factory=lambda: array("i"), init=False)
    """Input tokens of each section so far, by its number; so are those that follow."""
    outputs: "array[int]" = field(default_factory=lambda: array("i"), init=False)
    offered: "array[float]" = field(default_factory=lambda: array("d"), init=False)

    def __post_init__(self) -> None:
        self._rng = Rng(self.seed, "sections")
        self._lengths = array("i")
        self._owners = array("i")
        """The user of each section so far."""
        self._owner_draws = Rng(self.seed, "users")
        self._shares = list(accumulate(user.share for user in self.users))
        if self.users:
            self.documents, self.mixes = len(self.users), tuple(user.mix for user in self.users)
        largest = max(self.sizes, default=0) or max(mix.input[1] for mix in self.mixes)
        self._padding = memoryview(b" " * int((largest + 1) * BYTES_PER_TOKEN * (1 + self.spread)))

    @property
    def weights(self) -> dict[str, float]:
        """Of the users, by their documents' names."""
        return {_document(number).path: user.weight for number, user in enumerate(self.users)}

    def document(self, number: int) -> int:
        """The document of a section that was drawn, by its number: that of its user, if there are some."""
        return self._owners[number] if self.users else number // self.block % self.documents

    def mix(self, number: int) -> int:
        """The mix of a section that was drawn."""
        return self._owners[number] if self.users else number // self.block % len(self.mixes)

    def request(self, number: int) -> Request:
        """The request of a section that was drawn."""
        head = b'{"n":%09d,"_":"' % number
        body = b"".join((head, self._padding[: max(0, self._lengths[number] - len(head) - 2)], b'"}'))
        return Request(number.to_bytes(32, "big"), body, self.max_tokens)

    def draw(self, number: int) -> None:
        """Decide whose the next section is, and its sizes."""
        if self.users:
            drawn = self._owner_draws.uniform() * self._shares[-1]
            self._owners.append(bisect(self._shares, drawn, hi=len(self.users) - 1))
        rng, mix = self._rng, self.mixes[self.mix(number)]
        tokens = self.sizes[number % len(self.sizes)] if self.sizes else int(rng.between(*_open(mix.input)))
        bytes_per_token = BYTES_PER_TOKEN * rng.between(1 - self.spread, 1 + self.spread)
        self.inputs.append(tokens)
        self.outputs.append(min(self.max_tokens, max(1, round(rng.lognormal(mix.output, mix.sigma)))))
        self._lengths.append(round(tokens * bytes_per_token))

    def template(self) -> RequestTemplate:
        """By which the dispatcher builds the requests."""
        return _SimulatedRecipe(MODEL, "on-demand", "simulated", "", max_tokens=self.max_tokens, work=self)

    async def chunks(self) -> AsyncIterator[Chunk]:
        """The sections as they arrive."""
        loop = asyncio.get_running_loop()
        sections: list[Section] = []
        document = 0
        numbers = integers() if self.count is None else range(self.count)
        for number, arrival in zip(numbers, self.arrivals, strict=False):
            self.draw(number)
            self.offered.append(arrival)
            late = arrival > loop.time()
            if sections and (len(sections) == _CHUNK or document != self.document(number) or late):
                yield Chunk(_document(document), sections, done=False)
                sections = []
            if late:
                await asyncio.sleep(arrival - loop.time())
            document = self.document(number)
            sections.append(Section(number, (), "", "", "", 0, 0))
        yield Chunk(_document(document), sections, done=True)


def _open(bounds: tuple[int, int]) -> tuple[int, int]:
    return bounds[0], bounds[1] + 1


def number_of(body: bytes) -> int:
    """The section that a body was made for."""
    return int(body[_NUMBER])


@dataclass(frozen=True)
class _SimulatedRecipe(RequestTemplate):
    work: Work = field(kw_only=True)

    def build(self, document: str, section: Section) -> Request:
        """The request of a section, by its number alone."""
        return self.work.request(section.number)


def _document(number: int) -> Document:
    return Document(f"document {number}", "simulated")
