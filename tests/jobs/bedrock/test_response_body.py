"""Large responses within one budget of memory."""

import asyncio

import answers
import pytest
from loopback_server import Exchange, always, reply, serve

from jobs.bedrock import response_body
from jobs.bedrock.credentials import Access, Bearer
from jobs.bedrock.transport import BedrockTransport
from ratelimit.outcome import Outcome

LARGE = reply(answers.body("x" * 2_000_000))


async def test_large_answers_wait_for_a_slot_and_no_deadline_expires_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """More calls than slots, each with a deadline that is shorter than the wait."""
    monkeypatch.setattr(response_body, "SLOTS", 2)
    held, most = 0, 0

    async def record() -> None:
        nonlocal held, most
        result = await transport.send("m", b"{}", 0.5)
        assert result.outcome is Outcome.OK, result
        held += 1
        most = max(most, held)
        await asyncio.sleep(0.2)
        held -= 1
        result.release()

    async with serve(always(LARGE)) as server:
        transport = BedrockTransport(Access(f"http://127.0.0.1:{server.port}", "r", Bearer("t"), None, None))
        await asyncio.gather(*(record() for _ in range(10)))
        await transport.close()
        assert len(server.exchanges) == 10
    assert most == 2


async def test_failed_and_small_responses_keep_no_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(response_body, "SLOTS", 1)
    bodies = [
        reply(b"x" * 1_000_000),
        reply(b"x" * 1_000_000, "400 Bad Request"),
        LARGE[:-1_000_000],  # truncated
        reply(answers.body("small")),
        LARGE,
    ]

    async def script(exchange: Exchange) -> None:
        raw = bodies[len(server.exchanges) - 1]
        exchange.writer.write(raw)
        await exchange.writer.drain()
        exchange.writer.close()

    async with serve(script) as server:
        transport = BedrockTransport(Access(f"http://127.0.0.1:{server.port}", "r", Bearer("t"), None, None))
        outcomes = [(await asyncio.wait_for(transport.send("m", b"{}", 5.0), 10)).outcome for _ in bodies]
        await transport.close()
    assert outcomes == [Outcome.UNKNOWN, Outcome.INVALID, Outcome.UNKNOWN, Outcome.OK, Outcome.OK]
