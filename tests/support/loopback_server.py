"""A raw HTTP server on loopback that records every request and lets a script write the response, valid or not."""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Exchange:
    """One complete request, and its connection."""

    target: str
    headers: dict[str, str]
    """With lower-case names."""
    body: bytes
    connection: int
    """Number of the connection, from 0."""
    reader: asyncio.StreamReader = field(repr=False)
    writer: asyncio.StreamWriter = field(repr=False)


Script = Callable[[Exchange], Awaitable[None]]


@dataclass(slots=True)
class LoopbackServer:
    """The requests and connections so far."""

    port: int
    exchanges: list[Exchange] = field(default_factory=list)
    connections: int = 0
    """Accepted so far."""
    connected: int = 0
    """Open now."""
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until the condition holds; it is checked after every request and disconnect."""
        async with self._changed:
            await self._changed.wait_for(condition)

    async def notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()


@contextlib.asynccontextmanager
async def serve(script: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[LoopbackServer]:
    """Run `script` for each request to a free port of 127.0.0.1, until it closes the writer."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = state.connections
        state.connections += 1
        state.connected += 1
        try:
            while not writer.is_closing():
                exchange = await _receive(reader, writer, number)
                state.exchanges.append(exchange)
                await state.notify()
                await script(exchange)
        finally:
            state.connected -= 1
            await state.notify()

    async with listen(talk, tls) as port:
        state = LoopbackServer(port)
        yield state


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def listen(talk: Talk, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Run `talk` for each connection to a free port of 127.0.0.1; closes all of them at the end."""
    connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(EOFError, OSError):  # the client disconnected
            await talk(reader, writer)
        writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Not a coroutine: asyncio would wrap it in a task that cannot be awaited.
        connections[asyncio.ensure_future(guarded(reader, writer))] = writer

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.sleep(0)  # connections accepted a moment ago get their task now
        for task, writer in connections.items():
            task.cancel()
            writer.transport.abort()
        failed = await asyncio.gather(*connections, return_exceptions=True)
        for error in failed:
            if error and not isinstance(error, asyncio.CancelledError):
                raise error


def reply(body: bytes, status: str = "200 OK", **headers: str) -> bytes:
    """A complete HTTP response; underscores in header names become hyphens."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def always(raw: bytes, *, close: bool = False) -> Script:
    """Answer every request with these bytes."""

    async def script(exchange: Exchange) -> None:
        exchange.writer.write(raw)
        await exchange.writer.drain()
        if close:
            exchange.writer.close()

    return script


async def never(exchange: Exchange) -> None:
    """Do not answer, and wait until the client disconnects."""
    await exchange.reader.read()
    exchange.writer.close()


def reset(writer: asyncio.StreamWriter) -> None:
    """Reset the connection, as a crashed server does."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int) -> Exchange:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Exchange(head[0].split(" ")[1], headers, body, connection, reader, writer)
