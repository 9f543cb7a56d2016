"""Pings of a healthcheck against servers on loopback."""

import asyncio
from pathlib import Path

import pytest
from loopback_server import Script, always, never, reply, reset, serve
from loopback_tls import make_authority

from cli.runs import healthcheck
from cli.runs.healthcheck import HINT, Healthcheck

OK = reply(b"OK")


async def pings(url: str, exit_code: int = 0) -> list[str]:
    """Send both; returns the warnings."""
    warnings: list[str] = []

    def warn(text: str, hint: str) -> None:
        assert hint == HINT
        warnings.append(text)

    def run() -> None:
        check = Healthcheck(url)
        check.start()
        check.end(exit_code, warn)

    await asyncio.to_thread(run)
    return warnings


@pytest.mark.parametrize(
    ("path", "targets"),
    [
        ("/u-u-i-d", ["/u-u-i-d/start", "/u-u-i-d/143"]),
        ("/key/slug/?create=1", ["/key/slug/start?create=1", "/key/slug/143?create=1"]),
        ("", ["/start", "/143"]),
    ],
)
async def test_the_start_and_then_the_exit_code_are_sent_once(path: str, targets: list[str]) -> None:
    async with serve(always(OK, close=True)) as server:
        assert await pings(f"http://127.0.0.1:{server.port}{path}", 143) == []
        assert [exchange.target for exchange in server.exchanges] == targets


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (reply(b"", "404 Not Found"), "HTTP status 404"),
        (reply(b"", "302 Found", Location="http://other.example/secret"), "HTTP status 302"),
        (b"secret\r\n\r\n", "BadStatusLine"),
    ],
)
async def test_a_failure_is_retried_once_and_is_one_warning_without_the_url(answer: bytes, reason: str) -> None:
    async with serve(always(answer, close=True)) as server:
        assert await pings(f"http://127.0.0.1:{server.port}/secret") == [
            f"the ping /{name} to the healthcheck at 127.0.0.1 failed: {reason}" for name in ("start", "0")
        ]
        assert len(server.exchanges) == 4


async def test_the_second_attempt_may_succeed() -> None:
    async def script(exchange) -> None:
        if exchange.connection == 0:
            reset(exchange.writer)
        else:
            await always(OK, close=True)(exchange)

    async with serve(script) as server:
        assert await pings(f"http://127.0.0.1:{server.port}/secret") == []
        assert len(server.exchanges) == 3


async def drip(exchange) -> None:
    """One byte of a header at a time, without end."""
    while True:
        exchange.writer.write(b"x")
        await exchange.writer.drain()
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("script", [never, drip])
async def test_a_server_that_does_not_answer_holds_up_the_end_for_a_bounded_time(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(healthcheck, "TIMEOUT", 0.1)
    monkeypatch.setattr(healthcheck, "MARGIN", 0.1)
    async with serve(script) as server, asyncio.timeout(10):
        warnings = await pings(f"http://127.0.0.1:{server.port}/secret")
    assert [warning.rpartition(": ")[2] for warning in warnings] == ["timed out"] * 2


async def test_an_unknown_certificate_is_refused(tmp_path: Path) -> None:
    _, tls = make_authority(tmp_path)
    async with serve(always(OK, close=True), tls) as server:
        warnings = await pings(f"https://127.0.0.1:{server.port}/secret")
        assert len(warnings) == 2
        assert all("CERTIFICATE_VERIFY_FAILED" in warning and "secret" not in warning for warning in warnings)
        assert server.exchanges == []


async def test_https_goes_through_the_proxy_of_the_environment_and_loopback_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serve(always(reply(b"", "403 Forbidden"), close=True)) as proxy, serve(always(OK, close=True)) as server:
        for name in ("https_proxy", "http_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        assert len(await pings("https://check.example/secret")) == 2
        assert {exchange.target for exchange in proxy.exchanges} == {"check.example:443"}
        assert await pings(f"http://127.0.0.1:{server.port}/secret") == []
        assert len(server.exchanges) == 2


async def test_without_a_url_nothing_is_sent() -> None:
    Healthcheck(None).start()
    Healthcheck(None).end(0, pytest.fail)
