"""Unknown quotas: the real dispatcher with the gate of `analyze` against a service that throttles."""

import asyncio
import math
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from engine_gates import analyze_gate
from virtual_runs import MODEL, OK, RECIPE, THROTTLED, Service, many

from jobs.bedrock.catalogue import look_up
from jobs.documents.parsing import Chunk
from jobs.pipeline.dispatcher import Dispatcher
from jobs.pipeline.stopping import Policy
from jobs.record.memory_record import MemoryRecord
from jobs.record.protocol import Status
from jobs.requests.cost import REQUESTS, TOKENS, Meter
from jobs.requests.reply import Reply
from ratelimit import virtual_time
from ratelimit.algorithms.fixed_window import FixedWindow
from ratelimit.algorithms.protocol import Limiter
from ratelimit.algorithms.sliding_log import SlidingLog
from ratelimit.algorithms.token_bucket import TokenBucket
from ratelimit.discovery.bucket import Bucket
from ratelimit.discovery.controller import Controller
from ratelimit.discovery.ramp import Ramp
from ratelimit.discovery.state import State
from ratelimit.discovery.unlimited import Unlimited
from ratelimit.discovery.window import Window
from ratelimit.gate import Gate

REFUSED_AFTER = 0.1
"""Seconds."""


@dataclass
class Throttling(Service):
    """Admits calls within its quota and throttles the rest soon; may name the quota.

    A quota in requests counts calls; one in tokens reserves input + maxTokens and settles what was used.
    """

    limiter: Limiter | None = None
    names: str = ""
    refused: int = 0

    async def send(self, model: str, body: bytes, timeout: float) -> Reply:
        assert self.limiter is not None
        now, reserved = asyncio.get_running_loop().time(), 1.0
        if self.names == "tokens":
            reserved = len(body) / look_up(MODEL).bytes_per_token + RECIPE.max_tokens
        if self.limiter.wait(now, reserved) == 0.0:
            self.limiter.take(now, reserved)
            reply = await super().send(model, body, timeout)
            if self.names == "tokens" and reply.answer is not None:
                used = Meter(look_up(MODEL)).actual(reply.answer.usage)[TOKENS]
                self.limiter.correct(asyncio.get_running_loop().time(), now, used - reserved)
            return reply
        self.refused += 1
        self.ledger.append((now, body))
        await asyncio.sleep(REFUSED_AFTER)
        return THROTTLED._replace(quota=self.names)


def gate(quota: float | None = None) -> Gate:
    """The gate of `analyze` without --rpm and --tpm, or with both `none` (infinite)."""
    settings = SimpleNamespace(
        emulate=False,
        rpm=quota,
        tpm=quota,
        burst=1.0,
        max_tokens=100,
        concurrency=1000,
        budget=None,
        pacing="burst",
        on_outage="wait",
    )
    return analyze_gate(settings)


def run(service: Throttling, units: int, quota: float | None = None) -> tuple[MemoryRecord, Gate, float]:
    """Run all units; returns the record, the gate and the seconds taken."""

    async def source() -> AsyncIterator[Chunk]:
        for chunk in many(units):
            yield chunk

    async def main() -> tuple[MemoryRecord, Gate, float]:
        record, made = MemoryRecord(), gate(quota)
        dispatcher = Dispatcher(
            template=RECIPE, meter=Meter(look_up(MODEL)), record=record,
            transport=service, gate=made, policy=Policy(), emit=lambda event: None,
            uniform=random.Random(1).random, run_id="r",
        )  # fmt: skip
        await dispatcher.run(source())
        return record, made, asyncio.get_running_loop().time()

    return virtual_time.run(main())


def state(made: Gate, quota: str) -> State:
    learner = made.book.dimensions[quota].limiter
    assert isinstance(learner, Controller)
    return learner.state


@pytest.mark.parametrize("names", ["", "requests"])
@pytest.mark.parametrize(
    ("limiter", "seconds"),
    [
        (lambda: TokenBucket(2.0, 2.0), 215),
        (lambda: TokenBucket(2.0, 20.0), 205),
        (lambda: TokenBucket(2.0, 120.0), 160),
        (lambda: SlidingLog(120.0), 205),
        (lambda: FixedWindow(120.0, phase=25.0), 200),
    ],
    ids=["bucket of 1 s", "bucket of 10 s", "bucket of 60 s", "sliding", "fixed"],
)
def test_an_unknown_quota_is_used_with_few_throttles(limiter, seconds, names):
    """400 units at 2 a second."""
    service = Throttling(lambda *_: OK, limiter=limiter(), names=names)
    record, made, took = run(service, 400)
    assert record.statuses == {Status.OK: 400}
    assert service.refused < 60
    assert took < seconds + 15
    assert not isinstance(state(made, REQUESTS), Ramp)
    assert isinstance(state(made, TOKENS), Ramp)  # nothing was refused for tokens


def test_a_throttle_that_names_tokens_teaches_the_token_controller():
    """400 units that use 15 tokens each, at 60 tokens a second."""
    service = Throttling(lambda *_: OK, limiter=TokenBucket(60.0, 600.0), names="tokens")
    record, made, took = run(service, 400)
    assert record.statuses.keys() == {Status.OK}
    assert service.refused < 60
    assert took < 160  # at best 90, but each call holds seven times what it uses while it lasts
    assert not isinstance(state(made, TOKENS), Ramp)
    assert isinstance(state(made, REQUESTS), Ramp)


def test_a_service_without_a_quota_is_at_full_speed_within_half_a_minute():
    """From four calls a second, e-fold every four seconds: ten thousand calls in half a minute."""
    service = Throttling(lambda *_: OK, limiter=TokenBucket(1e6, 1e6))
    _, _, took = run(service, 10_000)
    assert service.refused == 0
    assert took < 45


def test_ten_minutes_of_throttling_lose_nothing_and_send_few_calls():
    class Blackout(TokenBucket):
        def wait(self, now: float, cost: float = 1.0) -> float:
            return 1.0 if now < 600 else super().wait(now, cost)

    service = Throttling(lambda *_: OK, limiter=Blackout(2.0, 20.0))
    record, _, took = run(service, 200)
    assert record.statuses.keys() == {Status.OK}
    assert service.refused < 80
    assert took < 1200


@pytest.mark.parametrize("limiter", [lambda: TokenBucket(5.0, 5.0), lambda: SlidingLog(300.0)], ids=["bucket", "log"])
def test_a_quota_configured_as_none_is_learned_after_the_first_throttles(limiter):
    service = Throttling(lambda *_: OK, limiter=limiter())
    record, made, _ = run(service, 2000, math.inf)
    assert record.statuses == {Status.OK: 2000}
    assert service.refused < 800  # most of those that may be in flight, and then no more
    assert isinstance(state(made, REQUESTS), Bucket | Window)
    assert isinstance(state(made, TOKENS), Unlimited)


def test_without_any_quota_no_call_waits():
    _, _, took = run(Throttling(lambda *_: OK, limiter=TokenBucket(1e6, 1e6)), 10_000, math.inf)
    assert took < 15
