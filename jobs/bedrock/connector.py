"""Connections to the service: one on which bytes have arrived between two calls is closed and never used again.

aiohttp would take an unsolicited response for the reply to the next call, and another section's answer would be stored.
It has no public hook for this; tests/jobs/bedrock/test_connector.py fails if a new version ignores these two.
"""

from typing import Any

import aiohttp
from aiohttp.connector import Connection


class Connector(aiohttp.TCPConnector):
    """Checks each pooled connection before a call uses it."""

    def _release(self, key: Any, protocol: Any, *, should_close: bool = False) -> None:
        super()._release(key, protocol, should_close=should_close)
        # Without a parser, bytes are kept unread, which makes `should_close` true; the next call sets a new parser.
        protocol._parser = None  # noqa: SLF001

    async def _get(self, key: Any, traces: Any) -> Connection | None:
        while (connection := await super()._get(key, traces)) is not None:
            if connection.protocol is not None and not connection.protocol.should_close:
                break
            connection.close()
        return connection
