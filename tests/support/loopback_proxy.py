"""An HTTP proxy on loopback that tunnels every CONNECT to one port of 127.0.0.1, for any host name."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from loopback_server import listen


@dataclass(slots=True)
class LoopbackProxy:
    """The proxy's port, and the request heads that it received."""

    port: int
    heads: list[str] = field(default_factory=list)


@contextlib.asynccontextmanager
async def tunnel_to(port: int, status: str = "200 Connection established") -> AsyncIterator[LoopbackProxy]:
    """Tunnel to `port`, or respond with a `status` other than 200."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        proxy.heads.append((await reader.readuntil(b"\r\n\r\n")).decode("latin-1"))
        writer.write(f"HTTP/1.1 {status}\r\n\r\n".encode())
        if status.startswith("200"):
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                await asyncio.gather(_pump(reader, inner_writer), _pump(inner_reader, writer))
            finally:
                inner_writer.transport.abort()

    async with listen(talk) as proxy_port:
        proxy = LoopbackProxy(proxy_port)
        yield proxy


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(65536):
        writer.write(chunk)
        await writer.drain()
    writer.close()
