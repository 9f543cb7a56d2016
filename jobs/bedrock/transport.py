"""The transport to Bedrock over aiohttp: each `send` makes exactly one POST and returns exactly one Reply.

It never retries, follows a redirect, keeps a cookie or reads .netrc. A call that was sent and got no complete response
has the outcome UNKNOWN, because it may have been paid.
"""

import asyncio
import io
from collections.abc import Callable, Mapping
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any

import aiohttp
from yarl import URL

from jobs.bedrock.classification import ISOLATED, classify, credentials_expired
from jobs.bedrock.connection_errors import ResponseTooLarge, classify_error
from jobs.bedrock.connector import Connector
from jobs.bedrock.credentials import Access
from jobs.bedrock.deadline import Deadline
from jobs.bedrock.endpoint import converse_url
from jobs.bedrock.response_body import BodyReader
from jobs.errors import CredentialsError
from jobs.requests import answer
from jobs.requests.reply import Reply
from ratelimit.outcome import Outcome

CONNECT_TIMEOUT = 60.0
"""Seconds for DNS, TCP, proxy and TLS together (botocore's default); nothing is sent before, so a retry is free."""

LARGE_BODY_BYTES = 1024 * 1024
"""A larger body goes to aiohttp as a file, so that other calls run between its chunks."""


class BedrockTransport:
    """Calls Converse at one endpoint. Create and close it within a running event loop."""

    def __init__(self, access: Access) -> None:
        self._endpoint = access.endpoint
        self._authorizer = access.authorizer
        self._proxy: dict[str, Any] = {}
        if access.proxy:
            self._proxy = {"proxy": access.proxy.url, "proxy_headers": access.proxy.headers}
        self._bodies = BodyReader()
        trace = aiohttp.TraceConfig()
        trace.on_request_headers_sent.append(_mark_sent)
        self._session = aiohttp.ClientSession(
            # No limit: the gate limits the calls in flight.
            connector=Connector(limit=0, ssl=access.tls or True),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_TIMEOUT),
            trace_configs=[trace],
            # Against decompression bombs; compression is not requested anyway.
            auto_decompress=False,
            headers={
                "Accept": "application/json",
                "Accept-Encoding": "identity",
                "User-Agent": f"bedrock-batch/{version('bedrock-batch')}",
            },
        )

    async def send(self, model: str, body: bytes, timeout: float) -> Reply:
        """POST `body` to Converse of `model` exactly once; see jobs.pipeline.transport."""
        clock = asyncio.get_running_loop().time
        started = clock()
        call = SimpleNamespace(sent=False)
        try:
            async with Deadline(timeout) as deadline:
                url = converse_url(self._endpoint, model)
                headers = await self._authorizer.headers(url, body)
                response, raw, release = await self._post(url, headers, body, call, deadline)
        except CredentialsError as error:
            message = f"{error} ({error.hint})"
            return Reply(Outcome.FATAL, clock() - started, code="CredentialsError", message=message, sent=False)
        except (TimeoutError, aiohttp.ClientError, OSError, ResponseTooLarge) as error:
            outcome, code, message = classify_error(error, call.sent)
            if isinstance(error, TimeoutError) and not error.args:
                message = f"no {'complete response' if call.sent else 'connection'} within {timeout:g} s"
            isolated = code in ISOLATED
            return Reply(outcome, clock() - started, code=code, message=message, sent=call.sent, isolated=isolated)
        latency = clock() - started
        if response.status == 200:
            reply = _accept(raw, latency, response.headers.get("x-amzn-requestid", ""))
            if reply.answer is not None:
                return reply._replace(release=release)
            release()
            return reply
        release()
        reply = classify(response.status, response.headers, raw, latency)
        if credentials_expired(reply) and await self._authorizer.renew(headers):
            message = "the credentials expired and were renewed"
            reply = reply._replace(outcome=Outcome.TRANSIENT, message=message, retry_after=None)
        return reply

    async def close(self) -> None:
        await self._session.close()

    async def _post(
        self, url: URL, headers: Mapping[str, str], body: bytes, call: SimpleNamespace, deadline: Deadline
    ) -> tuple[aiohttp.ClientResponse, bytes, Callable[[], None]]:
        response = await self._session.post(
            url,
            data=body if len(body) <= LARGE_BODY_BYTES else io.BytesIO(body),
            headers=headers,
            allow_redirects=False,
            trace_request_ctx=call,
            **self._proxy,
        )
        try:
            return response, *await self._bodies.read(response, deadline)
        except BaseException:
            response.close()  # not released: the rest of this response must not reach another call
            raise


def _accept(raw: bytes, latency: float, request_id: str) -> Reply:
    try:
        parsed = answer.parse(raw)
    except answer.NotAnAnswer as error:
        return Reply(Outcome.UNKNOWN, latency, code="NotAnAnswer", message=f"200, but {error}", request_id=request_id)
    return Reply(Outcome.OK if parsed.complete else Outcome.INCOMPLETE, latency, parsed, request_id=request_id)


async def _mark_sent(_session: aiohttp.ClientSession, context: SimpleNamespace, _params: Any) -> None:
    context.trace_request_ctx.sent = True
