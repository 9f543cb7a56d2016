"""A raw HTTP server on loopback that writes down every request whole, and answers as a script says: also wrongly."""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request that arrived whole, and the connection to answer it on."""

    target: str
    headers: dict[str, str]
    """By lower-case name."""
    body: bytes
    connection: int
    """Which connection it came by, from 0."""
    reader: asyncio.StreamReader = field(repr=False)
    writer: asyncio.StreamWriter = field(repr=False)


Script = Callable[[Exchange], Awaitable[None]]


@dataclass(slots=True)
class LoopbackServer:
    """What arrived so far, and how many are connected."""

    port: int
    exchanges: list[Exchange] = field(default_factory=list)
    connections: int = 0
    connected: int = 0
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until what arrived, or who left, makes it true."""
        async with self._changed:
            await self._changed.wait_for(condition)

    async def tell(self) -> None:
        """Something changed."""
        async with self._changed:
            self._changed.notify_all()


@contextlib.asynccontextmanager
async def serve(script: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[LoopbackServer]:
    """Serve `script` on a free port of 127.0.0.1; a script that closes the writer ends that connection."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = state.connections
        state.connections += 1
        state.connected += 1
        try:
            while not writer.is_closing():
                exchange = await _receive(reader, writer, number)
                state.exchanges.append(exchange)
                await state.tell()
                await script(exchange)
        finally:
            state.connected -= 1
            await state.tell()

    async with listen(talk, tls) as port:
        state = LoopbackServer(port)
        yield state


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def listen(talk: Talk, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Run `talk` for each connection to a free port of 127.0.0.1; in the end all are over and closed."""
    connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(EOFError, OSError):  # the other side is gone
            await talk(reader, writer)
        writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Not a coroutine: asyncio would make a task of it that nobody can wait for.
        connections[asyncio.ensure_future(guarded(reader, writer))] = writer

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.sleep(0)  # who was accepted a moment ago gets a task now
        for task, writer in connections.items():
            task.cancel()
            writer.transport.abort()
        failed = await asyncio.gather(*connections, return_exceptions=True)
        for error in failed:
            if error and not isinstance(error, asyncio.CancelledError):
                raise error


def reply(body: bytes, status: str = "200 OK", **headers: str) -> bytes:
    """A whole HTTP reply; an underscore in a header's name stands for a hyphen."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def always(raw: bytes, *, close: bool = False) -> Script:
    """Answer every request with these bytes, and close the connection after them if told to."""

    async def script(exchange: Exchange) -> None:
        exchange.writer.write(raw)
        await exchange.writer.drain()
        if close:
            exchange.writer.close()

    return script


async def never(exchange: Exchange) -> None:
    """Answer nothing, and stay until the other side goes."""
    await exchange.reader.read()
    exchange.writer.close()


def reset(writer: asyncio.StreamWriter) -> None:
    """Break the connection with a RST, as a crashed server does."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int) -> Exchange:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Exchange(head[0].split(" ")[1], headers, body, connection, reader, writer)
