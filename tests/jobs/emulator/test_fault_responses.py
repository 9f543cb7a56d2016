"""What a client receives for each fault."""

import asyncio
import io
import json
import socket
import time

import aiohttp
import pytest
from emulator_fixtures import MODEL, Running, ask

from jobs.emulator.faults import Fault
from jobs.requests.answer import NotAnAnswer, parse

BODY = json.dumps(ask("The harbour was closed on Monday. It rained.")).encode()
PATH = f"/model/{MODEL}/converse"


def post(running: Running, path: str = PATH) -> socket.socket:
    """A connection after sending a complete call."""
    connection = socket.create_connection(("127.0.0.1", running.port), timeout=5)
    connection.sendall(b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (path.encode(), len(BODY)) + BODY)
    return connection


def received(connection: socket.socket, seconds: float = 5) -> bytes:
    """Everything received until the connection closes or the time is over."""
    connection.settimeout(seconds)
    data = b""
    with connection:
        try:
            while more := connection.recv(65536):
                data += more
        except TimeoutError:
            pass
    return data


async def call(running: Running, path: str = PATH) -> tuple[int, bytes, dict[str, str]]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(running.url + path, data=BODY, allow_redirects=False) as response,
    ):
        return response.status, await response.read(), dict(response.headers)


def only_entry(running: Running) -> tuple[int, bool, str]:
    [entry] = running.entries
    return entry.status, entry.charged, entry.fault


def test_reset_accepts_the_whole_call_and_resets_the_connection(emulate):
    running = emulate(faults=(Fault("reset"),))
    with pytest.raises(ConnectionResetError):
        received(post(running))
    assert only_entry(running) == (0, True, "reset")


def test_hang_never_responds_and_ends_when_the_client_disconnects(emulate):
    running = emulate(faults=(Fault("hang"),))
    assert received(post(running), 0.2) == b""
    assert only_entry(running) == (0, True, "hang")
    until = time.monotonic() + 5
    while running.emulator.in_flight and time.monotonic() < until:
        running.http("GET", "/_emulator/stats")
    assert running.emulator.in_flight == 0


def test_drip_sends_byte_by_byte(emulate):
    running = emulate(faults=(Fault("drip", argument="3600"),))
    with post(running) as connection:
        data = b""
        while not (b"\r\n\r\n" in data and data.partition(b"\r\n\r\n")[2]):
            data += connection.recv(65536)
        assert data.endswith(b"\r\n\r\n{")
        connection.settimeout(0.05)
        with pytest.raises(TimeoutError):
            connection.recv(1)
    assert only_entry(running) == (200, True, "drip")


def test_drip_delivers_the_complete_answer(emulate):
    running = emulate(faults=(Fault("drip", argument="0"),))
    _, body, _ = asyncio.run(call(running))
    assert parse(body).complete


def test_truncated_sends_less_than_its_content_length(emulate):
    running = emulate(faults=(Fault("truncated"),))
    head, _, body = received(post(running)).partition(b"\r\n\r\n")
    content_length = int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0])
    assert 0 < len(body) < content_length
    with pytest.raises(aiohttp.ClientPayloadError):
        asyncio.run(call(running))
    assert [entry.charged for entry in running.entries] == [True, True]


CORRUPT_BODIES = ("cut", "html", "empty", "deep", "nan")


@pytest.mark.parametrize("kind", CORRUPT_BODIES)
async def test_a_corrupt_body_has_status_200_and_a_matching_content_length(emulate, kind):
    running = emulate(faults=(Fault(kind),))
    status, body, headers = await call(running)
    assert (status, int(headers["Content-Length"])) == (200, len(body))
    with pytest.raises(NotAnAnswer):
        parse(body)
    assert only_entry(running) == (200, True, kind)


async def test_a_blank_answer_is_well_formed_and_incomplete(emulate):
    _, body, _ = await call(emulate(faults=(Fault("blank"),)))
    answer = parse(body)
    assert (answer.stop_reason, answer.complete) == ("end_turn", False)


@pytest.mark.parametrize("reason", ["", "content_filtered", "model_context_window_exceeded", "unknown_reason"])
async def test_any_stop_reason_comes_with_200(emulate, reason):
    status, body, _ = await call(emulate(faults=(Fault("stop-reason", argument=reason),)))
    assert (status, json.loads(body)["stopReason"]) == (200, reason or "guardrail_intervened")


async def test_a_huge_answer_is_valid_and_of_the_requested_size(emulate):
    _, body, _ = await call(emulate(faults=(Fault("huge", argument="1000000"),)))
    assert len(parse(body).text) > 1_000_000


async def test_html_503_is_a_web_page_with_retry_after(emulate):
    running = emulate(faults=(Fault("html-503", retry_after="7"),))
    status, body, headers = await call(running)
    assert (status, headers["Content-Type"], headers["Retry-After"]) == (503, "text/html", "7")
    assert body.startswith(b"<!DOCTYPE html>")
    assert only_entry(running) == (503, False, "html-503")


async def test_a_redirect_points_to_another_host(emulate):
    running = emulate(faults=(Fault("redirect", argument="http://127.0.0.2:9"),))
    status, _, headers = await call(running)
    assert (status, headers["Location"]) == (307, "http://127.0.0.2:9" + PATH)
    assert only_entry(running) == (307, False, "redirect")


@pytest.mark.parametrize("value", ["3", "-1", "99999999999", "soon"])
async def test_retry_after_is_sent_unchanged(emulate, value):
    status, body, headers = await call(emulate(faults=(Fault("requests", retry_after=value),)))
    assert (status, headers["Retry-After"]) == (429, value)
    assert headers["x-amzn-errortype"] == "ThrottlingException:http://internal.amazon.com/coral/com.amazon.bedrock/"
    assert json.loads(body) == {"message": "Too many requests, please wait before trying again."}


async def test_argument_replaces_the_message_of_an_error(emulate):
    _, body, _ = await call(emulate(faults=(Fault("denied", argument="Not you."),)))
    assert json.loads(body) == {"message": "Not you."}


async def test_an_untyped_error_has_no_type_header(emulate):
    _, body, headers = await call(emulate(faults=(Fault("untyped"),)))
    assert list(json.loads(body)) == ["Message"]
    assert "x-amzn-errortype" not in headers


@pytest.mark.parametrize("kind", ["internal", "timeout", "model-error"])
async def test_errors_after_the_model_ran_are_charged(emulate, kind):
    running = emulate(faults=(Fault(kind),))
    status, _, _ = await call(running)
    assert only_entry(running) == (status, True, kind)


async def test_cut_ends_a_stream_inside_a_frame(emulate):
    running = emulate(faults=(Fault("cut"),))
    _, body, headers = await call(running, PATH + "-stream")
    assert headers["Content-Type"] == "application/vnd.amazon.eventstream"
    assert int.from_bytes(body[:4], "big") < len(body)


async def test_a_connection_is_reused(emulate):
    running = emulate()
    connector = aiohttp.TCPConnector(limit=1)
    async with aiohttp.ClientSession(connector=connector) as session:
        for _ in range(3):
            async with session.post(running.url + PATH, data=BODY) as response:
                assert parse(await response.read()).complete
    assert len(running.entries) == 3


async def test_latencies_vary_around_the_median_and_repeat_with_the_seed(emulate):
    def latencies() -> list[int]:
        running = emulate(latency=0.02, jitter=0.5, seed=7)
        latencies_ms = []
        for _ in range(5):
            _, answer = running.http("POST", PATH, json.loads(BODY))
            latencies_ms.append(json.loads(answer)["metrics"]["latencyMs"])
        return latencies_ms

    first, second = await asyncio.gather(asyncio.to_thread(latencies), asyncio.to_thread(latencies))
    assert first == second
    assert len(set(first)) > 1
    assert all(2 <= latency <= 200 for latency in first)


async def test_a_body_above_the_limit_returns_413(emulate):
    running = emulate()
    body = io.BytesIO(b" " * (33 << 20))
    async with aiohttp.ClientSession() as session, session.post(running.url + PATH, data=body) as response:
        assert response.status == 413
    assert running.entries == []
