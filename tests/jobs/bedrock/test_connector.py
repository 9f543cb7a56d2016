"""Bytes that arrive between two calls never become the reply to the next one."""

import asyncio

import answers
import pytest
from loopback_server import Exchange, reply, serve

from jobs.bedrock.credentials import Access, Bearer
from jobs.bedrock.transport import BedrockTransport
from ratelimit.outcome import Outcome

FOREIGN = reply(answers.body("another section's answer"))
STRAY = {
    "response": FOREIGN,
    "two responses": FOREIGN * 2,
    "half a response": FOREIGN[:-9],
    "half a status line": b"HTTP/1.1 2",
    "408": reply(b"", "408 Request Timeout", Connection="close"),
    "interim response": b"HTTP/1.1 102 Processing\r\n\r\n",
}


@pytest.mark.parametrize("later", [False, True], ids=["at once", "later"])
@pytest.mark.parametrize("stray", STRAY.values(), ids=STRAY)
async def test_stray_bytes_never_become_the_reply_to_the_next_call(stray: bytes, later: bool) -> None:
    """At once: in the same packet as the reply to the call before. Later: while the connection is idle."""

    async def script(exchange: Exchange) -> None:
        own = reply(answers.body(exchange.body.decode()))
        exchange.writer.write(own if later or len(server.exchanges) > 1 else own + stray)
        if later and len(server.exchanges) == 1:
            await read.wait()
            exchange.writer.write(stray)
            await exchange.writer.drain()

    read = asyncio.Event()
    async with serve(script) as server:
        transport = BedrockTransport(Access(f"http://127.0.0.1:{server.port}", "us-east-1", Bearer("t"), None, None))
        first = await transport.send("m", b"first", 5)
        read.set()
        await asyncio.sleep(0.02)
        second = await transport.send("m", b"second", 5)
        await transport.close()
    assert [one.answer.text for one in (first, second) if one.answer] == ["first", "second"]
    assert (first.outcome, second.outcome) == (Outcome.OK, Outcome.OK)
    assert not later or [exchange.connection for exchange in server.exchanges] == [0, 1]


async def test_many_calls_with_stray_responses_each_get_their_own_answer() -> None:
    async def script(exchange: Exchange) -> None:
        exchange.writer.write(reply(answers.body(exchange.body.decode())))
        await exchange.writer.drain()
        if len(server.exchanges) % 3 == 0:
            exchange.writer.write(FOREIGN)

    async with serve(script) as server:
        transport = BedrockTransport(Access(f"http://127.0.0.1:{server.port}", "us-east-1", Bearer("t"), None, None))
        for number in range(60):
            one = await transport.send("m", str(number).encode(), 5)
            assert one.answer is not None
            assert one.answer.text == str(number)
            await asyncio.sleep(0.001)
        await transport.close()
    assert len(server.exchanges) == 60
