"""HTTP/2 without TLS, which the AWS SDK for JavaScript needs: forwards each stream to the emulator over HTTP/1.1."""

import asyncio
from typing import Any

import aiohttp
from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError
from yarl import URL


class Http2Connection(asyncio.Protocol):
    """Forwards the streams of a connection to the emulator's own `url`."""

    def __init__(self, session: aiohttp.ClientSession, url: str, transports: set[asyncio.BaseTransport]) -> None:
        self._session, self._url, self._transports = session, url, transports
        self._h2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self._requests: dict[int, tuple[dict[str, str], bytearray]] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._window_opened = asyncio.Event()
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._transports.add(transport)
        self._h2.initiate_connection()

    def connection_lost(self, _error: Exception | None) -> None:
        self._transports.discard(self._transport)
        self._end()

    def data_received(self, data: bytes) -> None:
        try:
            for event in self._h2.receive_data(data):
                self._handle(event)
        except ProtocolError:
            self._end()
        self._flush()

    def _handle(self, event: Any) -> None:
        match event:
            case events.RequestReceived():
                self._requests[event.stream_id] = {str(name): str(value) for name, value in event.headers}, bytearray()
            case events.DataReceived():
                self._requests[event.stream_id][1].extend(event.data)
                self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case events.StreamEnded():
                stream = event.stream_id
                self._tasks[stream] = task = asyncio.ensure_future(self._forward(stream, *self._requests.pop(stream)))
                task.add_done_callback(lambda _: self._tasks.pop(stream))
            case events.StreamReset() if event.stream_id in self._tasks:
                self._tasks[event.stream_id].cancel()
            case events.WindowUpdated() | events.RemoteSettingsChanged():
                self._window_opened.set()
            case events.ConnectionTerminated():
                self._end()

    async def _forward(self, stream: int, headers: dict[str, str], body: bytearray) -> None:
        fields = {name: value for name, value in headers.items() if not name.startswith(":")}
        fields["Host"] = headers[":authority"]
        url = URL(self._url + headers[":path"], encoded=True)
        try:
            async with self._session.request(
                headers[":method"], url, headers=fields, data=bytes(body), allow_redirects=False
            ) as response:
                forbidden = {"connection", "keep-alive", "transfer-encoding"}  # in HTTP/2
                sent = [(name.lower(), value) for name, value in response.headers.items()]
                sent = [(name, value) for name, value in sent if name not in forbidden]
                self._h2.send_headers(stream, [(":status", str(response.status)), *sent])
                async for chunk in response.content.iter_any():
                    await self._send(stream, chunk)
                self._h2.end_stream(stream)
        except aiohttp.ClientError:  # a fault ended the HTTP/1.1 connection
            self._h2.reset_stream(stream, ErrorCodes.INTERNAL_ERROR)
        self._flush()

    async def _send(self, stream: int, data: bytes) -> None:
        while data:
            size = min(self._h2.local_flow_control_window(stream), self._h2.max_outbound_frame_size)
            if size > 0:
                self._h2.send_data(stream, data[:size])
                data = data[size:]
                self._flush()
            else:
                self._window_opened.clear()
                await self._window_opened.wait()

    def _end(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        self._transport.write(self._h2.data_to_send())
