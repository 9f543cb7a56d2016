"""The emulator over HTTP/2 without TLS, as the AWS SDK for JavaScript calls it."""

import asyncio
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from emulator_fixtures import MODEL, Running, ask
from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection

from jobs.emulator.faults import Fault
from jobs.emulator.server import Emulator
from jobs.emulator.settings import EmulatorSettings
from jobs.requests.answer import parse

PATH = f"/model/{MODEL.replace(':', '%3A')}/converse"
BODY = json.dumps(ask("The harbour was closed on Monday. It rained.")).encode()


class Client:
    """A blocking HTTP/2 client on one connection."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=5)
        self.h2 = H2Connection(H2Configuration(header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.flush()

    def flush(self) -> None:
        self.socket.sendall(self.h2.data_to_send())

    def post(self, path: str = PATH, body: bytes = BODY) -> int:
        """Send a call; return its stream."""
        stream = self.h2.get_next_available_stream_id()
        pseudo = {":method": "POST", ":scheme": "http", ":authority": "localhost", ":path": path}
        self.h2.send_headers(stream, [*pseudo.items(), ("content-type", "application/json")])
        for at in range(0, len(body), 16_000):
            self.h2.send_data(stream, body[at : at + 16_000])
        self.h2.end_stream(stream)
        self.flush()
        return stream

    def events(self) -> Iterator[events.Event]:
        while data := self.socket.recv(65536):
            for event in self.h2.receive_data(data):
                if isinstance(event, events.DataReceived):
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                yield event
            self.flush()

    def responses(self, *streams: int) -> dict[int, tuple[dict[str, str], bytes]]:
        """Headers and bodies of these streams, all of which must end."""
        headers, bodies = {}, dict.fromkeys(streams, b"")
        open_streams = set(streams)
        received = self.events()
        while open_streams:
            event = next(received)
            if isinstance(event, events.ResponseReceived):
                headers[event.stream_id] = dict(event.headers)
            elif isinstance(event, events.DataReceived):
                bodies[event.stream_id] += event.data
            elif isinstance(event, events.StreamEnded):
                open_streams.remove(event.stream_id)
        return {stream: (headers[stream], bodies[stream]) for stream in streams}


@contextmanager
def connected(running: Running) -> Iterator[Client]:
    client = Client(running.port)
    with client.socket:
        yield client


def test_streams_of_one_connection_are_answered_at_the_same_time(emulate):
    running = emulate(latency=0.05)
    with connected(running) as client:
        responses = client.responses(*(client.post() for _ in range(10)))
    for headers, body in responses.values():
        assert (headers[":status"], headers["content-type"]) == ("200", "application/json")
        assert parse(body).complete
    assert len(running.entries) == 10


def test_an_event_stream(emulate):
    with connected(emulate()) as client:
        stream = client.post(PATH + "-stream")
        headers, body = client.responses(stream)[stream]
    assert headers["content-type"] == "application/vnd.amazon.eventstream"
    assert "transfer-encoding" not in headers
    assert b"messageStop" in body


def test_an_error_response_keeps_its_type_and_retry_after(emulate):
    with connected(emulate(faults=(Fault("requests", retry_after="7"),))) as client:
        stream = client.post()
        headers, _ = client.responses(stream)[stream]
    assert (headers[":status"], headers["retry-after"]) == ("429", "7")
    assert headers["x-amzn-errortype"].startswith("ThrottlingException")


def test_a_large_answer_respects_flow_control(emulate):
    with connected(emulate(faults=(Fault("huge", argument="1000000"),))) as client:
        stream = client.post()
        _, body = client.responses(stream)[stream]
    assert len(parse(body).text) > 1_000_000


@pytest.mark.parametrize("kind", ["reset", "truncated"])
def test_a_broken_connection_becomes_a_stream_reset(emulate, kind):
    with connected(emulate(faults=(Fault(kind),))) as client:
        stream = client.post()
        assert any(isinstance(event, events.StreamReset) and event.stream_id == stream for event in client.events())


@pytest.mark.parametrize("cancel", ["stream", "connection"])
def test_cancelling_a_stream_or_the_connection_ends_the_call(emulate, cancel):
    running = emulate(faults=(Fault("hang"),))
    with connected(running) as client:
        stream = client.post()
        while not running.entries:
            running.http("GET", "/_emulator/stats")
        if cancel == "stream":
            client.h2.reset_stream(stream)
        else:
            client.h2.close_connection()
        client.flush()
        while running.emulator.in_flight:
            running.http("GET", "/_emulator/stats")


def test_a_protocol_error_closes_the_connection(emulate):
    with socket.create_connection(("127.0.0.1", emulate().port), timeout=5) as connection:
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nno preface")
        while connection.recv(65536):
            pass


async def test_stop_closes_unused_and_http2_connections():
    emulator = Emulator(EmulatorSettings())
    port = int((await emulator.start()).rsplit(":", 1)[1])
    unused, unused_writer = await asyncio.open_connection("127.0.0.1", port)
    http2, http2_writer = await asyncio.open_connection("127.0.0.1", port)
    http2_writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    assert await http2.read(9)  # the header of the first frame
    await emulator.stop()
    for reader, writer in ((unused, unused_writer), (http2, http2_writer)):
        with suppress(ConnectionResetError):
            await reader.read()
        writer.close()
