"""The real dispatcher in virtual time against a scripted service."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

from answers import answer

from jobs.bedrock.catalogue import look_up
from jobs.documents.document import Document
from jobs.documents.parsing import Chunk
from jobs.documents.splitting import Section
from jobs.pipeline import events
from jobs.pipeline.dispatcher import Dispatcher
from jobs.pipeline.stopping import Policy
from jobs.progress.stats import Stats
from jobs.record.memory_record import MemoryRecord
from jobs.record.protocol import Status
from jobs.requests.cost import MONEY, REQUESTS, Meter
from jobs.requests.reply import Reply
from jobs.requests.request import RequestTemplate
from ratelimit import virtual_time
from ratelimit.algorithms.budget import Budget
from ratelimit.algorithms.protocol import Limiter
from ratelimit.algorithms.token_bucket import TokenBucket
from ratelimit.gate import Gate
from ratelimit.outcome import Outcome
from ratelimit.quota_book import Dimension, QuotaBook

MODEL = "amazon.nova-lite-v1:0"
RECIPE = RequestTemplate(MODEL, "on-demand", "aws", "Summarize.", max_tokens=100)
OK = Reply(Outcome.OK, 1.0, answer())
THROTTLED = Reply(Outcome.THROTTLED, 0.1, code="ThrottlingException", message="Too many requests")
UNKNOWN = Reply(Outcome.UNKNOWN, 0.5, code="InternalServerException")
TRANSIENT = Reply(Outcome.TRANSIENT, 0.5, code="ServiceUnavailableException")
INVALID = Reply(Outcome.INVALID, 0.1, code="ValidationException", message="no")
FATAL = Reply(Outcome.FATAL, 0.1, code="AccessDeniedException", message="no access")

Answering = Callable[[int, bytes], Reply]
"""Number and body of a call -> its reply."""


@dataclass
class Service:
    """A service in virtual time with a ledger of (time, body) of every call."""

    answering: Answering
    latency: float = 1.0
    ledger: list[tuple[float, bytes]] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0
    cancelled: int = 0

    async def send(self, model: str, body: bytes, timeout: float) -> Reply:
        number = len(self.ledger)
        self.ledger.append((asyncio.get_running_loop().time(), body))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(self.latency)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.in_flight -= 1
        return self.answering(number, body)


def texts(*names: str, document: str = "a.md") -> list[Chunk]:
    sections = [
        Section(i, ("H",), name, "", f"{hash((document, i)) & (1 << 64) - 1:016x}") for i, name in enumerate(names)
    ]
    return [Chunk(Document(document, "markdown", 100, len(names)), sections, True)]


def many(count: int) -> list[Chunk]:
    return [c for n in range(count // 20) for c in texts(*(f"text {n} {i}" for i in range(20)), document=f"{n}.md")]


@dataclass
class Ran:
    """The result of a run."""

    service: Service
    record: MemoryRecord
    stats: Stats
    seen: list[events.Event]
    dispatcher: Dispatcher
    took: float

    @property
    def statuses(self) -> Counter[Status]:
        return self.record.statuses

    @property
    def calls(self) -> int:
        return len(self.service.ledger)


def run(
    chunks: list[Chunk],
    answering: Answering = lambda number, body: OK,
    *,
    policy: Policy | None = None,
    rpm: float | None = None,
    limiters: Mapping[str, Limiter] | None = None,
    most: Mapping[str, float] | None = None,
    budget: float | None = None,
    max_in_flight: int = 64,
    latency: float = 1.0,
    fair: bool = True,
    during: Callable[[Dispatcher], None] | None = None,
) -> Ran:
    """Run the real dispatcher over chunks against a service in virtual time."""
    chosen = policy or Policy()

    async def source() -> AsyncIterator[Chunk]:
        for chunk in chunks:
            yield chunk

    async def main() -> Ran:
        loop = asyncio.get_running_loop()
        seen: list[events.Event] = []
        stats = Stats(loop.time)

        def emit(event: events.Event) -> None:
            seen.append(event)
            stats(event)

        dimensions = {
            name: Dimension(limiter, (most or {}).get(name, limiter.limit))
            for name, limiter in (limiters or {}).items()
        }
        if rpm:
            dimensions[REQUESTS] = Dimension(TokenBucket(rpm / 60, max(1.0, rpm / 60)), rpm)
        if budget is not None:
            dimensions[MONEY] = Dimension(Budget(budget), budget)
        service, record = Service(answering, latency), MemoryRecord()
        dispatcher = Dispatcher(
            template=RECIPE,
            meter=Meter(look_up(MODEL)),
            record=record,
            transport=service,
            gate=Gate(QuotaBook(dimensions), max_in_flight, turn_away=chosen.on_outage == "fallback"),
            policy=chosen,
            emit=emit,
            uniform=random.Random(1).random,
            run_id="r",
            fair=fair,
        )
        if during:
            during(dispatcher)
        await dispatcher.run(source())
        return Ran(service, record, stats, seen, dispatcher, loop.time())

    return virtual_time.run(main())
