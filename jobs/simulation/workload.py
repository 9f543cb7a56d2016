"""The client's work: sections of seeded random size, cheap enough to simulate a million of them.

A simulated request is not Converse JSON. Its body carries the number of its section, from which the simulated server
looks up the tokens, and has about one byte per input token, from which the client estimates them.
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
from jobs.requests.request import Request, RequestTemplate
from jobs.simulation.rng import Rng
from jobs.simulation.server import MODEL

BYTES_PER_TOKEN = 1.0
"""Mean of the simulated text. Real text has about 4; a million such bodies would take long to copy."""
SPREAD = 0.1
"""Largest relative deviation of a section's bytes per token from the mean."""


@dataclass(frozen=True, slots=True)
class Mix:
    """The distribution of section and answer sizes, in tokens."""

    input: tuple[int, int] = (500, 3500)
    """Bounds of a uniform distribution; includes the prompt."""
    output: float = 350.0
    """Median of a lognormal distribution; capped at maxTokens."""
    sigma: float = 0.6


@dataclass(frozen=True, slots=True)
class User:
    """One of several users that share the quotas."""

    name: str
    weight: float = 1.0
    """Entitlement relative to other users; 1 or more."""
    share: float = 1.0
    """Share of the requests relative to other users."""
    mix: Mix = field(default_factory=Mix)


@dataclass
class Workload:
    """`count` sections, or endlessly many, each with an answer of its own."""

    seed: int = 0
    count: int | None = None
    max_tokens: int = 1024
    users: tuple[User, ...] = (User("user 1"),)
    """Owners of the sections, drawn at random; each user has one document."""
    sizes: Sequence[int] = ()
    """Input tokens of the sections, repeated in order; replaces the mixes' input sizes."""
    spread: float = SPREAD
    """Largest relative error of the client's estimate of a section's tokens."""
    arrivals: Iterable[float] = field(default_factory=lambda: repeat(0.0))
    """Arrival time of each section, in order; seconds."""
    inputs: "array[int]" = field(default_factory=lambda: array("i"), init=False)
    """Input tokens of each section generated so far, by its number; likewise `outputs` and `arrived`."""
    outputs: "array[int]" = field(default_factory=lambda: array("i"), init=False)
    arrived: "array[float]" = field(default_factory=lambda: array("d"), init=False)

    def __post_init__(self) -> None:
        self._rng = Rng(self.seed, "sections")
        self._lengths = array("i")
        self._owners = array("i")
        self._owner_rng = Rng(self.seed, "users")
        self._cumulative_shares = list(accumulate(user.share for user in self.users))
        largest = max(self.sizes, default=0) or max(user.mix.input[1] for user in self.users)
        self._padding = memoryview(b" " * int((largest + 1) * BYTES_PER_TOKEN * (1 + self.spread)))

    @property
    def weights(self) -> dict[str, float]:
        """Weights of the users by the paths of their documents."""
        return {_document(number).path: user.weight for number, user in enumerate(self.users)}

    def owner(self, number: int) -> int:
        """The index of the user of a generated section, which is also the number of its document."""
        return self._owners[number]

    def mix(self, number: int) -> Mix:
        return self.users[self._owners[number]].mix

    def request(self, number: int) -> Request:
        head = b'{"n":%09d,"_":"' % number
        body = b"".join((head, self._padding[: max(0, self._lengths[number] - len(head) - 2)], b'"}'))
        return Request(number.to_bytes(32, "big"), body, self.max_tokens)

    def generate(self, number: int) -> None:
        """Draw the user and the sizes of the next section."""
        drawn = self._owner_rng.uniform() * self._cumulative_shares[-1]
        self._owners.append(bisect(self._cumulative_shares, drawn, hi=len(self.users) - 1))
        rng, mix = self._rng, self.mix(number)
        low, high = mix.input
        tokens = self.sizes[number % len(self.sizes)] if self.sizes else int(rng.between(low, high + 1))
        bytes_per_token = BYTES_PER_TOKEN * rng.between(1 - self.spread, 1 + self.spread)
        self.inputs.append(tokens)
        self.outputs.append(min(self.max_tokens, max(1, round(rng.lognormal(mix.output, mix.sigma)))))
        self._lengths.append(round(tokens * bytes_per_token))

    def template(self) -> RequestTemplate:
        return _SimulatedTemplate(MODEL, "on-demand", "simulated", "", max_tokens=self.max_tokens, workload=self)

    async def chunks(self) -> AsyncIterator[Chunk]:
        loop = asyncio.get_running_loop()
        sections: list[Section] = []
        document = 0
        numbers = integers() if self.count is None else range(self.count)
        for number, arrival in zip(numbers, self.arrivals, strict=False):
            self.generate(number)
            self.arrived.append(arrival)
            is_future = arrival > loop.time()
            if sections and (len(sections) == 20 or document != self.owner(number) or is_future):
                yield Chunk(_document(document), sections, done=False)
                sections = []
            if is_future:
                await asyncio.sleep(arrival - loop.time())
            document = self.owner(number)
            sections.append(Section(number, (), "", "", ""))
        yield Chunk(_document(document), sections, done=True)


def section_number(body: bytes) -> int:
    return int(body[5:14])  # see Workload.request


@dataclass(frozen=True)
class _SimulatedTemplate(RequestTemplate):
    workload: Workload = field(kw_only=True)

    def build(self, document: str, section: Section) -> Request:
        return self.workload.request(section.number)


def _document(number: int) -> Document:
    return Document(f"document {number}", "simulated")
