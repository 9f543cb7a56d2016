"""Listens for HTTP/1.1 and HTTP/2, with or without TLS."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import aiohttp
from aiohttp import web

HOST = "127.0.0.1"
"""Loopback only, because the control API below /_emulator/ has no authentication."""


class Listener:
    """A port on loopback; `handle` responds to its requests."""

    def __init__(self, handle: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]) -> None:
        self._handle = handle
        self.transports: set[Any] = set()
        """Connections that are not HTTP/1.1, or not yet."""

    async def start(self, port: int, certificate: str) -> str:
        """See Emulator.start; `certificate` is the path of a PEM file with its key, or empty."""
        context = None
        if certificate:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(certificate)
        loop = asyncio.get_running_loop()
        request = partial(web.BaseRequest, loop=loop, client_max_size=32 << 20)  # InvokeModel accepts 25 MB
        self.http1 = web.Server(self._handle, request_factory=request, handler_cancellation=True, access_log=None)
        backlog = 4096  # clients open thousands of connections at once
        self._server = await loop.create_server(lambda: _NewConnection(self), HOST, port, ssl=context, backlog=backlog)
        self._forwarding = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=False),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(),
            auto_decompress=False,
        )
        port = self._server.sockets[0].getsockname()[1]
        self._url = f"{'https' if context else 'http'}://{HOST}:{port}"
        return self._url

    async def stop(self) -> None:
        self._server.close()
        transports = [*self.transports, *(connection.transport for connection in self.http1.connections)]
        self.http1.pre_shutdown()
        await self.http1.shutdown(timeout=0.1)
        await self._forwarding.close()
        for transport in transports:
            if transport is not None:
                transport.abort()
        await asyncio.sleep(0)  # lets the sockets close even if the loop ends now

    def http2(self) -> asyncio.Protocol:
        from jobs.emulator.http2 import Http2Connection  # late: few clients need it

        return Http2Connection(self._forwarding, self._url, self.transports)


class _NewConnection(asyncio.Protocol):
    """A connection before its first bytes, which tell HTTP/2 from HTTP/1.1."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._listener.transports.add(transport)

    def connection_lost(self, _error: Exception | None) -> None:
        self._listener.transports.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        self._listener.transports.discard(self._transport)
        protocol = self._listener.http2() if data.startswith(b"PRI ") else self._listener.http1()
        self._transport.set_protocol(protocol)
        protocol.connection_made(self._transport)
        protocol.data_received(data)
