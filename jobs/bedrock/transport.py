"""The real transport: each `send` is exactly one POST, over aiohttp, that ends in exactly one Reply.

Nothing here retries, follows a redirect, keeps a cookie or reads a file of logins; how often a unit is called is the
dispatcher's to decide. A message that left us and brought no whole reply may have been paid for: UNKNOWN.
"""

import asyncio
import io
from collections.abc import Mapping
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any

import aiohttp
from yarl import URL

from jobs.bedrock.classification import ISOLATED, Classification, classify
from jobs.bedrock.connection_errors import ResponseTooLarge, judge
from jobs.bedrock.credentials import Access
from jobs.bedrock.endpoint import converse_url
from jobs.errors import CredentialsError
from jobs.pipeline.transport import Reply
from jobs.requests import answer
from ratelimit.outcome import Outcome

RESPONSE_LIMIT = 32 * 1024 * 1024
"""Bytes of a reply: some hundred times the longest answer that today's models write (128k tokens)."""

CONNECT_TIMEOUT = 60.0
"""Seconds for DNS, TCP, proxy and TLS together (botocore's default): nothing was sent yet, so giving up is safe."""

LARGE_BODY = 1024 * 1024
"""Bytes above which aiohttp wants a body as a file: it then lets other calls in between the chunks."""


class BedrockTransport:
    """Calls Converse at one endpoint. To be made in a running event loop, and closed in it."""

    def __init__(self, access: Access) -> None:
        self._endpoint = access.endpoint
        self._authorizer = access.authorizer
        self._proxy: dict[str, Any] = {}
        if access.proxy:
            self._proxy = {"proxy": access.proxy.url, "proxy_headers": access.proxy.headers}
        self._urls: dict[str, URL] = {}
        trace = aiohttp.TraceConfig()
        trace.on_request_headers_sent.append(_left)
        self._session = aiohttp.ClientSession(
            # No limit: how many calls are in flight is the gate's business.
            connector=aiohttp.TCPConnector(limit=0, ssl=access.tls or True),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_TIMEOUT),
            trace_configs=[trace],
            # As sent, so that nothing small unfolds into something large.
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
        call = SimpleNamespace(left=False)
        try:
            async with asyncio.timeout(timeout):
                url = self._url(model)
                headers = await self._authorizer.headers(url, body)
                response, raw = await self._post(url, headers, body, call)
        except CredentialsError as error:
            message = f"{error} ({error.hint})"
            return Reply(Outcome.FATAL, clock() - started, code="CredentialsError", message=message, sent=False)
        except (TimeoutError, aiohttp.ClientError, OSError, ResponseTooLarge) as error:
            outcome, code, message = judge(error, call.left)
            if isinstance(error, TimeoutError) and not error.args:
                message = f"no {'whole reply' if call.left else 'connection'} within {timeout:g} s"
            isolated = code in ISOLATED
            return Reply(outcome, clock() - started, code=code, message=message, sent=call.left, isolated=isolated)
        latency = clock() - started
        request_id = response.headers.get("x-amzn-requestid", "")
        if response.status == 200:
            return _accept(raw, latency, request_id)
        verdict = classify(response.status, response.headers, raw)
        if verdict.credentials_expired and await self._authorizer.renew(headers):
            verdict = Classification(
                Outcome.TRANSIENT, verdict.code, "the credentials had expired, and were renewed", None
            )
        return Reply(
            verdict.outcome,
            latency,
            code=verdict.code,
            message=verdict.message,
            retry_after=verdict.retry_after,
            request_id=request_id,
            quota=verdict.quota,
            isolated=verdict.code in ISOLATED,
        )

    async def close(self) -> None:
        """Let go of connections."""
        await self._session.close()

    def _url(self, model: str) -> URL:
        url = self._urls.get(model)
        if url is None:
            url = self._urls[model] = converse_url(self._endpoint, model)
        return url

    async def _post(
        self, url: URL, headers: Mapping[str, str], body: bytes, call: SimpleNamespace
    ) -> tuple[aiohttp.ClientResponse, bytes]:
        response = await self._session.post(
            url,
            data=body if len(body) <= LARGE_BODY else io.BytesIO(body),
            headers=headers,
            allow_redirects=False,
            trace_request_ctx=call,
            **self._proxy,
        )
        try:
            return response, await _read(response)
        except BaseException:
            response.close()  # not released: what is still to come must not be taken for another call's reply
            raise


async def _read(response: aiohttp.ClientResponse) -> bytes:
    if (response.content_length or 0) > RESPONSE_LIMIT:
        raise ResponseTooLarge(f"the reply announces {response.content_length} bytes; the most is {RESPONSE_LIMIT}")
    chunks, size = [], 0
    async for chunk in response.content.iter_any():
        chunks.append(chunk)
        size += len(chunk)
        if size > RESPONSE_LIMIT:
            raise ResponseTooLarge(f"the reply is longer than {RESPONSE_LIMIT} bytes")
    return b"".join(chunks)


def _accept(raw: bytes, latency: float, request_id: str) -> Reply:
    try:
        parsed = answer.parse(raw)
    except answer.NotAnAnswer as error:
        return Reply(Outcome.UNKNOWN, latency, code="NotAnAnswer", message=f"200, but {error}", request_id=request_id)
    return Reply(Outcome.OK if parsed.complete else Outcome.INCOMPLETE, latency, parsed, request_id=request_id)


async def _left(_session: aiohttp.ClientSession, context: SimpleNamespace, _params: Any) -> None:
    context.trace_request_ctx.left = True
