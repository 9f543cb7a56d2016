"""The transport against raw servers: every kind of failure, and exactly one POST for each call."""

import asyncio
import contextlib
import gc
import gzip
import json
import socket
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import answers
import pytest
from loopback_proxy import tunnel_to
from loopback_server import Exchange, LoopbackServer, Script, always, never, reply, reset, serve
from loopback_tls import make_authority
from yarl import URL

from jobs.bedrock import response_body
from jobs.bedrock.credentials import Access, Authorizer, Bearer, resolve
from jobs.bedrock.transport import BedrockTransport
from jobs.errors import CredentialsError
from jobs.requests.reply import Reply
from ratelimit.outcome import Outcome

MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
PROFILE = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3"
BODY = b'{"messages":[]}'
GOOD = reply(answers.body("Yes."), Content_Type="application/json", x_amzn_RequestId="r-1")


def access(port: int, authorizer: Authorizer | None = None) -> Access:
    return Access(f"http://127.0.0.1:{port}", "us-east-1", authorizer or Bearer("t"), None, None)


@contextlib.asynccontextmanager
async def calling(where: Access) -> AsyncIterator[BedrockTransport]:
    transport = BedrockTransport(where)
    try:
        yield transport
    finally:
        await transport.close()


@contextlib.asynccontextmanager
async def calling_as_configured(endpoint: str) -> AsyncIterator[BedrockTransport]:
    async with calling(await resolve(endpoint_url=endpoint)) as transport:
        yield transport


async def send(server: LoopbackServer, timeout: float = 5.0, body: bytes = BODY) -> Reply:
    async with calling(access(server.port)) as transport:
        return await transport.send(MODEL, body, timeout)


async def reply_to(script: Script, timeout: float = 5.0) -> Reply:
    """The reply to one call; the server received exactly one POST."""
    async with serve(script) as server:
        result = await send(server, timeout)
        await asyncio.sleep(0.01)  # a second POST would arrive now
        assert len(server.exchanges) == 1
        return result


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_an_answer() -> None:
    async with serve(always(GOOD)) as server:
        result = await send(server)
    assert (result.outcome, result.code, result.request_id) == (Outcome.OK, "", "r-1")
    assert result.answer is not None
    assert (result.answer.text, result.answer.raw) == ("Yes.", answers.body("Yes."))
    assert 0 <= result.latency < 5
    (exchange,) = server.exchanges
    assert exchange.body == BODY
    assert exchange.target == "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse"
    assert exchange.headers["authorization"] == "Bearer t"
    assert exchange.headers["content-type"] == exchange.headers["accept"] == "application/json"
    assert exchange.headers["user-agent"].startswith("bedrock-batch/0.")
    assert exchange.headers["accept-encoding"] == "identity"


async def test_an_arn_is_one_segment_of_the_path() -> None:
    async with serve(always(GOOD)) as server, calling(access(server.port)) as transport:
        await transport.send(PROFILE, BODY, 5)
    assert server.exchanges[0].target == (
        "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile%2Fa1b2c3/converse"
    )


async def test_a_body_above_a_mebibyte_is_sent_completely() -> None:
    body = b"x" * (3 * 1024 * 1024 + 1)
    async with serve(always(GOOD)) as server:
        assert (await send(server, body=body)).outcome is Outcome.OK
    assert server.exchanges[0].body == body


async def test_calls_reuse_a_connection() -> None:
    async with serve(always(GOOD)) as server, calling(access(server.port)) as transport:
        for _ in range(3):
            assert (await transport.send(MODEL, BODY, 5)).outcome is Outcome.OK
    assert server.connections == 1


async def test_a_hundred_calls_are_in_flight_at_once() -> None:
    async def once_all_arrived(exchange: Exchange) -> None:
        await server.until(lambda: len(server.exchanges) == 100)
        exchange.writer.write(GOOD)

    async with serve(once_all_arrived) as server, calling(access(server.port)) as transport:
        replies = await asyncio.gather(*(transport.send(MODEL, BODY, 30) for _ in range(100)))
    assert {result.outcome for result in replies} == {Outcome.OK}


@pytest.mark.parametrize("stop", ["max_tokens", "guardrail_intervened", "content_filtered", "malformed_model_output"])
async def test_an_answer_with_another_stop_reason_is_incomplete(stop: str) -> None:
    result = await reply_to(always(reply(answers.body(stop=stop))))
    assert result.outcome is Outcome.INCOMPLETE
    assert result.answer is not None
    assert result.answer.stop_reason == stop


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"<html><body>Welcome to the hotel</body></html>", b"[" * 100_000, b'{"stopReason":"end_turn"}',
     answers.body().replace(b"10", b"NaN", 1), answers.body()[:-20], answers.body(stop="because")],
    ids=["empty", "object", "html", "deep", "bare", "nan", "cut", "stop-reason"],
)  # fmt: skip
async def test_a_200_without_an_answer_is_unknown(body: bytes) -> None:
    result = await reply_to(always(reply(body, x_amzn_RequestId="r-2")))
    assert (result.outcome, result.code, result.request_id) == (Outcome.UNKNOWN, "NotAnAnswer", "r-2")
    assert result.message.startswith("200, but ")


async def test_an_unrequested_compressed_response_is_not_decompressed() -> None:
    result = await reply_to(always(reply(gzip.compress(answers.body()), Content_Encoding="gzip")))
    assert (result.outcome, result.code) == (Outcome.UNKNOWN, "NotAnAnswer")


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + answers.body(), "Truncated"),
        (CHUNKED + b'5\r\n{"out', "Truncated"),
        (CHUNKED + b"1\r\n{\r\n", "Truncated"),
        (CHUNKED + b"not a size\r\n{}", "NotHTTP"),
    ],
    ids=["length", "inside a chunk", "between chunks", "no chunk at all"],
)  # fmt: skip
async def test_a_truncated_response_is_unknown(raw: bytes, code: str) -> None:
    result = await reply_to(always(raw, close=True))
    assert (result.outcome, result.code) == (Outcome.UNKNOWN, code)


async def test_a_chunked_answer_is_read_completely() -> None:
    body = answers.body()
    raw = CHUNKED + b"%x\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (9, body[:9], len(body) - 9, body[9:])
    assert (await reply_to(always(raw))).outcome is Outcome.OK


async def test_a_connection_closed_without_a_response_is_unknown() -> None:
    result = await reply_to(always(b"", close=True))
    assert (result.outcome, result.code) == (Outcome.UNKNOWN, "ConnectionLost")


async def test_a_reset_after_the_request_is_unknown() -> None:
    async def script(exchange: Exchange) -> None:
        reset(exchange.writer)

    result = await reply_to(script)
    assert (result.outcome, result.code) == (Outcome.UNKNOWN, "ConnectionLost")


async def test_a_reset_within_the_body_is_unknown() -> None:
    async def script(exchange: Exchange) -> None:
        exchange.writer.write(GOOD[:-30])
        await exchange.writer.drain()
        await asyncio.sleep(0.05)
        reset(exchange.writer)

    assert (await reply_to(script)).outcome is Outcome.UNKNOWN


async def test_a_response_that_is_not_http_is_unknown() -> None:
    result = await reply_to(always(b"SSH-2.0-OpenSSH_9.6\r\n\r\n", close=True))
    assert (result.outcome, result.code) == (Outcome.UNKNOWN, "NotHTTP")


async def test_a_reused_connection_that_resets_causes_no_second_post() -> None:
    """Many HTTP clients retry a POST here."""

    async def script(exchange: Exchange) -> None:
        if len(server.exchanges) == 2:
            reset(exchange.writer)
        else:
            exchange.writer.write(GOOD)

    async with serve(script) as server, calling(access(server.port)) as transport:
        first = await transport.send(MODEL, BODY, 5)
        second = await transport.send(MODEL, BODY, 5)
        await asyncio.sleep(0.05)
        assert [exchange.connection for exchange in server.exchanges] == [0, 0]
        third = await transport.send(MODEL, BODY, 5)
    assert [result.outcome for result in (first, second, third)] == [Outcome.OK, Outcome.UNKNOWN, Outcome.OK]
    assert len(server.exchanges) == 3


async def test_a_closed_idle_connection_is_not_reused() -> None:
    async with serve(always(GOOD, close=True)) as server, calling(access(server.port)) as transport:
        assert (await transport.send(MODEL, BODY, 5)).outcome is Outcome.OK
        await server.until(lambda: server.connected == 0)
        await asyncio.sleep(0.05)
        assert (await transport.send(MODEL, BODY, 5)).outcome is Outcome.OK
    assert (len(server.exchanges), server.connections) == (2, 2)


async def test_a_slow_body_ends_at_the_total_deadline() -> None:
    async def script(exchange: Exchange) -> None:
        exchange.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:
            exchange.writer.write(b" ")
            await exchange.writer.drain()
            await asyncio.sleep(0.02)

    result = await reply_to(script, timeout=0.3)
    assert (result.outcome, result.code, result.message) == (
        Outcome.UNKNOWN,
        "Timeout",
        "no complete response within 0.3 s",
    )
    assert 0.25 < result.latency < 2  # uvloop's clock counts milliseconds


async def test_no_response_by_the_deadline_is_unknown() -> None:
    result = await reply_to(never, timeout=0.2)
    assert (result.outcome, result.code) == (Outcome.UNKNOWN, "Timeout")


@pytest.mark.parametrize("with_content_length", [True, False])
async def test_a_huge_response_is_aborted(with_content_length: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(response_body, "MAX_BYTES", 1_000_000)
    written = 0

    async def script(exchange: Exchange) -> None:
        nonlocal written
        length = b"Content-Length: 300000000\r\n" if with_content_length else b""
        exchange.writer.write(b"HTTP/1.1 200 OK\r\n" + length + b"\r\n")
        for _ in range(100):
            exchange.writer.write(b" " * 1_000_000)
            await exchange.writer.drain()
            written += 1

    result = await reply_to(script)
    assert (result.outcome, result.code) == (Outcome.UNKNOWN, "ResponseTooLarge")
    assert written < 100


@pytest.mark.parametrize(
    ("raw", "outcome", "code"),
    [
        (reply(b'{"message":"Too many requests"}', "429 Too Many Requests",
               x_amzn_ErrorType="ThrottlingException:http://internal.amazon.com/coral/com.amazon.bedrock/"),
         Outcome.THROTTLED, "ThrottlingException"),
        (reply(b'{"message":"Oops"}', "500 Oops", x_amzn_ErrorType="InternalServerException"),
         Outcome.UNKNOWN, "InternalServerException"),
        (reply(b"<html><h1>503 Service Temporarily Unavailable</h1></html>", "503 S", Retry_After="7"),
         Outcome.TRANSIENT, "503"),
        (reply(b'{"Message":"Missing Authentication Token"}', "403 Forbidden"), Outcome.FATAL, "403"),
    ],
)  # fmt: skip
async def test_an_error_is_classified(raw: bytes, outcome: Outcome, code: str) -> None:
    result = await reply_to(always(raw))
    assert (result.outcome, result.code, result.answer) == (outcome, code, None)
    assert result.retry_after == (7.0 if code == "503" else None)
    assert result.quota == ("requests" if outcome is Outcome.THROTTLED else "")


async def test_a_redirect_is_not_followed() -> None:
    async with serve(always(GOOD)) as elsewhere:
        target = f"http://127.0.0.1:{elsewhere.port}/"
        result = await reply_to(always(reply(b"", "307 Temporary Redirect", Location=target)))
    assert (result.outcome, result.code) == (Outcome.FATAL, "307")
    assert target in result.message
    assert elsewhere.connections == 0


async def test_cookies_are_ignored() -> None:
    async with (
        serve(always(reply(answers.body(), Set_Cookie="sticky=1"))) as server,
        calling(access(server.port)) as transport,
    ):
        await transport.send(MODEL, BODY, 5)
        await transport.send(MODEL, BODY, 5)
    assert "cookie" not in server.exchanges[1].headers


async def test_a_refused_connection_is_transient() -> None:
    async with calling(access(free_port())) as transport:
        result = await transport.send(MODEL, BODY, 5)
    assert (result.outcome, result.code) == (Outcome.TRANSIENT, "ConnectError")


async def test_a_dns_error_is_transient(monkeypatch: pytest.MonkeyPatch) -> None:
    async def no_such_name(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr("aiohttp.resolver.ThreadedResolver.resolve", no_such_name)
    monkeypatch.setattr("aiohttp.resolver.DefaultResolver.resolve", no_such_name)
    async with calling(Access("http://bedrock.test", "us-east-1", Bearer("t"), None, None)) as transport:
        result = await transport.send(MODEL, BODY, 5)
    assert (result.outcome, result.code) == (Outcome.TRANSIENT, "DNSError")


async def test_a_cancelled_call_closes_its_connection_at_once() -> None:
    async with serve(never) as server, calling(access(server.port)) as transport:
        calls = [asyncio.ensure_future(transport.send(MODEL, BODY, 60)) for _ in range(20)]
        await server.until(lambda: len(server.exchanges) == 20)
        for call in calls:
            call.cancel()
        async with asyncio.timeout(1):
            await asyncio.gather(*calls, return_exceptions=True)
            await server.until(lambda: server.connected == 0)
    assert all(call.cancelled() for call in calls)
    assert len(server.exchanges) == 20
    gc.collect()  # an unclosed transport would warn here, and fail the test


async def test_a_call_cancelled_within_the_body_does_not_affect_the_next_one() -> None:
    async def script(exchange: Exchange) -> None:
        if exchange.connection == 0:
            exchange.writer.write(GOOD[:-10])
            await never(exchange)
        else:
            exchange.writer.write(reply(answers.body("The second.")))

    async with serve(script) as server, calling(access(server.port)) as transport:
        call = asyncio.ensure_future(transport.send(MODEL, BODY, 60))
        await server.until(lambda: len(server.exchanges) == 1)
        await asyncio.sleep(0.05)
        call.cancel()
        result = await transport.send(MODEL, BODY, 5)
        assert result.answer is not None
        assert result.answer.text == "The second."
        await server.until(lambda: server.connected == 1)
    assert server.connections == 2


class Expiring:
    """Keys that can be renewed `renewable` times."""

    def __init__(self, renewable: int) -> None:
        self.version = 0
        self.renewable = renewable

    async def headers(self, url: URL, body: bytes) -> Mapping[str, str]:
        return {"Authorization": f"version {self.version}"}

    async def renew(self, expired: Mapping[str, str]) -> bool:
        assert expired == {"Authorization": f"version {self.version}"}
        self.version += self.renewable > self.version
        return expired != {"Authorization": f"version {self.version}"}


EXPIRED = reply(
    b'{"message":"The security token included in the request is expired"}',
    "403 Forbidden",
    x_amzn_ErrorType="ExpiredTokenException",
)


async def test_expired_credentials_are_renewed_for_the_next_attempt() -> None:
    async def script(exchange: Exchange) -> None:
        exchange.writer.write(EXPIRED if exchange.headers["authorization"] == "version 0" else GOOD)

    async with serve(script) as server, calling(access(server.port, Expiring(1))) as transport:
        first = await transport.send(MODEL, BODY, 5)
        assert len(server.exchanges) == 1
        second = await transport.send(MODEL, BODY, 5)
    assert (first.outcome, first.code) == (Outcome.TRANSIENT, "ExpiredTokenException")
    assert second.outcome is Outcome.OK


async def test_expired_credentials_that_cannot_be_renewed_are_fatal() -> None:
    async with serve(always(EXPIRED)) as server, calling(access(server.port, Expiring(0))) as transport:
        result = await transport.send(MODEL, BODY, 5)
    assert (result.outcome, result.code) == (Outcome.FATAL, "ExpiredTokenException")


async def test_lost_credentials_are_fatal_and_nothing_is_sent() -> None:
    class Gone(Expiring):
        async def headers(self, url: URL, body: bytes) -> Mapping[str, str]:
            raise CredentialsError("the SSO session has expired", "aws sso login --profile work")

    async with serve(always(GOOD)) as server, calling(access(server.port, Gone(0))) as transport:
        result = await transport.send(MODEL, BODY, 5)
    assert (result.outcome, result.code) == (Outcome.FATAL, "CredentialsError")
    assert "aws sso login --profile work" in result.message
    assert server.connections == 0


async def test_tls_trusts_the_ca_bundle_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keys: None
) -> None:
    authority, context = make_authority(tmp_path)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(authority))
    async with serve(always(GOOD), context) as server:
        where = await resolve(endpoint_url=f"https://localhost:{server.port}")
        async with calling(where) as transport:
            assert (await transport.send(MODEL, BODY, 5)).outcome is Outcome.OK
    assert server.exchanges[0].headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")


async def test_an_untrusted_certificate_is_fatal_and_nothing_is_sent(tmp_path: Path, keys: None) -> None:
    _, context = make_authority(tmp_path)
    async with (
        serve(always(GOOD), context) as server,
        calling_as_configured(f"https://localhost:{server.port}") as transport,
    ):
        result = await transport.send(MODEL, BODY, 5)
    assert (result.outcome, result.code) == (Outcome.FATAL, "TLSError")
    assert server.exchanges == []


async def test_an_https_endpoint_without_tls_is_a_connect_timeout_and_nothing_is_sent(keys: None) -> None:
    async with (
        serve(always(GOOD)) as server,
        calling_as_configured(f"https://127.0.0.1:{server.port}") as transport,
    ):
        result = await transport.send(MODEL, BODY, 0.3)
    assert (result.outcome, result.code, result.message) == (
        Outcome.TRANSIENT,
        "ConnectTimeout",
        "no connection within 0.3 s",
    )
    assert server.exchanges == []


async def test_a_cancelled_tls_call_closes_its_connection_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keys: None
) -> None:
    authority, context = make_authority(tmp_path)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(authority))
    async with (
        serve(never, context) as server,
        calling_as_configured(f"https://localhost:{server.port}") as transport,
    ):
        call = asyncio.ensure_future(transport.send(MODEL, BODY, 60))
        await server.until(lambda: len(server.exchanges) == 1)
        call.cancel()
        async with asyncio.timeout(1):
            await server.until(lambda: server.connected == 0)


async def test_tls_goes_through_the_proxy_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keys: None
) -> None:
    """The proxy resolves the name and is the only one to get its credentials; .netrc is not used."""
    authority, context = make_authority(tmp_path)
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("AWS_CA_BUNDLE", str(authority))
    async with serve(always(GOOD), context) as server, tunnel_to(server.port) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:p%40ss@127.0.0.1:{proxy.port}")
        async with calling_as_configured("https://bedrock.test") as transport:
            for _ in range(2):
                assert (await transport.send(MODEL, BODY, 5)).outcome is Outcome.OK
    (head,) = proxy.heads
    assert head.startswith("CONNECT bedrock.test:443 HTTP/1.1\r\n")
    assert "Proxy-Authorization: Basic dXNlcjpwQHNz\r\n" in head
    assert "AWS4" not in head
    for exchange in server.exchanges:
        assert exchange.headers["authorization"].startswith("AWS4-HMAC-SHA256 ")
        assert exchange.headers["host"] == "bedrock.test"
        assert "proxy-authorization" not in exchange.headers


@pytest.mark.parametrize(
    ("status", "outcome"),
    [("407 Proxy Authentication Required", Outcome.FATAL), ("502 Bad Gateway", Outcome.TRANSIENT)],
)
async def test_a_proxy_error_means_that_nothing_was_sent(
    status: str, outcome: Outcome, monkeypatch: pytest.MonkeyPatch, keys: None
) -> None:
    async with serve(always(GOOD)) as server, tunnel_to(server.port, status) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        async with calling_as_configured("https://bedrock.test") as transport:
            result = await transport.send(MODEL, BODY, 5)
    assert (result.outcome, result.code) == (outcome, "ProxyError")
    assert status[:3] in result.message
    assert server.connections == 0


async def test_an_unreachable_proxy_is_transient(monkeypatch: pytest.MonkeyPatch, keys: None) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{free_port()}")
    async with calling_as_configured("https://bedrock.test") as transport:
        result = await transport.send(MODEL, BODY, 5)
    assert (result.outcome, result.code) == (Outcome.TRANSIENT, "ProxyError")


async def test_netrc_and_proxies_do_not_affect_loopback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keys: None
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    async with (
        serve(always(GOOD)) as server,
        calling_as_configured(f"http://127.0.0.1:{server.port}") as transport,
    ):
        assert (await transport.send(MODEL, BODY, 5)).outcome is Outcome.OK
    assert server.exchanges[0].headers["authorization"].startswith("AWS4-HMAC-SHA256 ")


async def test_the_signature_covers_the_sent_body(keys: None) -> None:
    """Signing the received request with the same keys gives the same signature."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    body = json.dumps({"messages": [{"role": "user", "content": [{"text": "Grüße 🦆"}]}]}).encode()
    async with (
        serve(always(GOOD)) as server,
        calling_as_configured(f"http://127.0.0.1:{server.port}") as transport,
    ):
        await transport.send(PROFILE, body, 5)
    (exchange,) = server.exchanges
    signed = {name: exchange.headers[name] for name in ("content-type", "host", "x-amz-date", "x-amz-security-token")}
    request = AWSRequest("POST", f"http://{exchange.headers['host']}{exchange.target}", signed, exchange.body)
    request.context["timestamp"] = exchange.headers["x-amz-date"]
    signer = SigV4Auth(Credentials("AKIDEXAMPLE", "secret", "tok/en=="), "bedrock", "us-east-1")
    signature = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    assert exchange.headers["authorization"].endswith(f"Signature={signature}")
