"""A headless Chromium, driven by the Chrome DevTools Protocol over aiohttp.

It needs no driver that must match the browser's version, and injects no script into the page.
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
"""In CI a missing Chromium is a failure."""

_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage --remote-debugging-port=0"
).split()


class Tab:
    """A tab, and the events since its page was opened."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._last = 0
        self._events: list[dict[str, Any]] = []

    async def call(self, method: str, **params: object) -> dict[str, Any]:
        """Send a command of the protocol; returns its result."""
        self._last += 1
        await self._socket.send_json({"id": self._last, "method": method, "params": params})
        while (message := await self._socket.receive_json()).get("id") != self._last:
            self._events.append(message)
        if "error" in message:
            raise RuntimeError(f"{method}: {message['error']['message']}")
        result: dict[str, Any] = message["result"]
        return result

    async def open(self, path: Path) -> None:
        """Open a file and wait until it is loaded."""
        self._events.clear()
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self.call(f"{domain}.enable")
        await self.call("Page.navigate", url=path.as_uri())
        while not self._received("Page.loadEventFired"):
            self._events.append(await self._socket.receive_json())

    async def emulate(self, width: int, *, height: int = 800, scheme: str = "light", media: str = "screen") -> None:
        """Set the size of the screen (CSS pixels), the colour scheme and the medium."""
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        await self.call("Emulation.setEmulatedMedia", media=media, features=features)

    async def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression; the page's Content-Security-Policy does not apply to it."""
        reply = await self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in reply:
            raise RuntimeError(reply["exceptionDetails"]["exception"]["description"])
        return reply["result"].get("value")

    async def screenshot(self) -> bytes:
        """The whole page as PNG."""
        return base64.b64decode((await self.call("Page.captureScreenshot", captureBeyondViewport=True))["data"])

    async def pdf(self) -> bytes:
        """The page as printed, on the paper size in its style sheet; resets the emulated medium."""
        await self.call("Emulation.setEmulatedMedia", media="")
        return base64.b64decode(
            (await self.call("Page.printToPDF", preferCSSPageSize=True, printBackground=False))["data"]
        )

    def log(self) -> list[str]:
        """Errors, warnings and console messages."""
        entries = [event["params"]["entry"] for event in self._received("Log.entryAdded")]
        return [
            *(f"{entry['level']}: {entry['text']}" for entry in entries if entry["level"] in {"error", "warning"}),
            *(str(event["params"]) for event in self._received("Runtime.exceptionThrown")),
            *(str(event["params"]) for event in self._received("Runtime.consoleAPICalled")),
        ]

    def requests(self) -> list[str]:
        """URLs of all requests, including the page itself."""
        return [event["params"]["request"]["url"] for event in self._received("Network.requestWillBeSent")]

    def _received(self, method: str) -> list[dict[str, Any]]:
        return [event for event in self._events if event.get("method") == method]


@asynccontextmanager
async def open_tab(profile: Path) -> AsyncIterator[Tab]:
    """A tab in a new browser with its profile in the empty folder `profile`."""
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
    raise RuntimeError("chromium exited before it listened")
