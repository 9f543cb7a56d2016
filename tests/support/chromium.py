"""A real Chromium without a window, driven by its own protocol (Chrome DevTools Protocol) over aiohttp.

No driver to install that must fit the browser's version; and the page is looked at as it is, with no script put in.
"""

import asyncio
import base64
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

BINARY = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

needs_chromium = pytest.mark.skipif(BINARY is None and not os.environ.get("CI"), reason="no chromium on this machine")
"""On a machine of the project's own it must be there."""

_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage --remote-debugging-port=0"
).split()


class Tab:
    """One tab: what it shows, and all that it said and asked for since it was opened."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._last = 0
        self._events: list[dict[str, Any]] = []

    async def call(self, method: str, **params: object) -> dict[str, Any]:
        """One command of the protocol and its result."""
        self._last += 1
        await self._socket.send_json({"id": self._last, "method": method, "params": params})
        while (message := await self._socket.receive_json()).get("id") != self._last:
            self._events.append(message)
        if "error" in message:
            raise RuntimeError(f"{method}: {message['error']['message']}")
        result: dict[str, Any] = message["result"]
        return result

    async def open(self, path: Path) -> None:
        """Show a file; returns when all of it is loaded."""
        self._events.clear()
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self.call(f"{domain}.enable")
        await self.call("Page.navigate", url=path.as_uri())
        while not self._heard("Page.loadEventFired"):
            self._events.append(await self._socket.receive_json())

    async def look(self, width: int, *, height: int = 800, scheme: str = "light", media: str = "screen") -> None:
        """On a screen so wide (CSS pixels), or on paper."""
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        await self.call("Emulation.setEmulatedMedia", media=media, features=features)

    async def value(self, expression: str) -> Any:
        """Of an expression in the page; the policy of the page does not hold for it."""
        told = await self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in told:
            raise RuntimeError(told["exceptionDetails"]["exception"]["description"])
        return told["result"].get("value")

    async def screenshot(self) -> bytes:
        """Of the whole page, PNG."""
        return base64.b64decode((await self.call("Page.captureScreenshot", captureBeyondViewport=True))["data"])

    async def pdf(self) -> bytes:
        """As it prints, on the paper that its style sheet names; whatever it was looked at as before."""
        await self.call("Emulation.setEmulatedMedia", media="")
        return base64.b64decode(
            (await self.call("Page.printToPDF", preferCSSPageSize=True, printBackground=False))["data"]
        )

    def complaints(self) -> list[str]:
        """Errors and warnings in the console."""
        entries = [event["params"]["entry"] for event in self._heard("Log.entryAdded")]
        return [
            *(f"{entry['level']}: {entry['text']}" for entry in entries if entry["level"] in {"error", "warning"}),
            *(str(event["params"]) for event in self._heard("Runtime.exceptionThrown")),
            *(str(event["params"]) for event in self._heard("Runtime.consoleAPICalled")),
        ]

    def requests(self) -> list[str]:
        """Addresses of all that was asked for, the page itself included."""
        return [event["params"]["request"]["url"] for event in self._heard("Network.requestWillBeSent")]

    def _heard(self, method: str) -> list[dict[str, Any]]:
        return [event for event in self._events if event.get("method") == method]


@asynccontextmanager
async def tab(profile: Path) -> AsyncIterator[Tab]:
    """A tab of a browser of its own, which keeps what it knows in `profile`, an empty folder."""
    if BINARY is None:
        raise RuntimeError("chromium is not installed")
    process = await asyncio.create_subprocess_exec(
        *(BINARY, *_FLAGS, f"--user-data-dir={profile}", "about:blank"),
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"HOME": str(profile)},
    )
    try:
        port = await asyncio.wait_for(_port(process), 60)
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as reply:
                target = next(item for item in await reply.json() if item["type"] == "page")
            async with session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                yield Tab(socket)
    finally:
        process.terminate()
        await process.communicate()


async def _port(process: asyncio.subprocess.Process) -> int:
    assert process.stderr is not None
    async for line in process.stderr:
        if line.startswith(b"DevTools listening on "):
            return int(line.split(b":")[2].split(b"/")[0])
    raise RuntimeError("chromium ended before it listened")
