"""Sends the answer of a call: whole, or spoiled by a fault."""

import asyncio
import socket
import struct
from collections.abc import Iterable
from dataclasses import replace

from aiohttp import web

from jobs.emulator import errors, eventstream
from jobs.emulator.faults import Fault
from jobs.emulator.operations import STREAMS, EmulatedCall

_PAGE = b"<!DOCTYPE html><html><head><title>Error</title></head><body><h1>Something went wrong</h1></body></html>"
_CHUNK = 1 << 16


def at_the_front(fault: Fault, request: web.BaseRequest) -> web.Response:
    """An answer that comes from before Bedrock."""
    if fault.kind == "redirect":
        target = (fault.argument or "https://elsewhere.invalid/").rstrip("/") + request.raw_path
        return web.Response(status=307, headers={"Location": target})
    headers = {} if fault.retry_after is None else {"Retry-After": fault.retry_after}
    return web.Response(body=_PAGE, status=503, content_type="text/html", headers=headers)


def status(fault: Fault, operation: str) -> int:
    """The HTTP status that `spoiled` answers with; 0: none."""
    if fault.kind in {"reset", "hang"}:
        return 0
    return 424 if fault.kind == "mid-stream" and operation not in STREAMS else 200


def whole(call: EmulatedCall) -> web.Response:
    """The answer as it should be; a stream without Content-Length, as Bedrock sends it."""
    return _response(call, call.body())


async def spoiled(fault: Fault, request: web.BaseRequest, call: EmulatedCall) -> web.StreamResponse:
    """The answer of a call, spoiled as the fault says."""
    match fault.kind:
        case "reset":
            return _reset(request)
        case "hang":
            await asyncio.Event().wait()  # until the client goes away, or the server stops
        case "truncated":
            return _truncated(request, call)
        case "drip":
            body = call.body()
            single = (body[at : at + 1] for at in range(len(body)))
            return await _stream(request, call, single, len(body), pause=float(fault.argument or 0.05))
        case "huge":
            return await _huge(request, call, int(float(fault.argument or 3e8)))
        case "mid-stream" if call.operation not in STREAMS:
            return errors.respond(errors.ERRORS["model-error"], call.request_id, call.model)
        case "html":
            return web.Response(body=_PAGE, content_type="text/html", headers=call.headers)
        case "stop-reason":
            reason = fault.argument or "guardrail_intervened"
            call = replace(call, answer=replace(call.answer, stop_reason=reason))
        case "blank":
            call = replace(call, answer=replace(call.answer, text="", tool_input=None))
    return _response(call, _spoiled(fault.kind, call.body()))


def _response(call: EmulatedCall, body: bytes) -> web.Response:
    response = web.Response(body=body, content_type=call.content_type, headers=call.headers)
    if call.operation in STREAMS:
        response.enable_chunked_encoding()
    return response


def _spoiled(kind: str, body: bytes) -> bytes:
    """Bodies that arrive as announced and are wrong all the same."""
    match kind:
        case "mid-stream":
            begun = eventstream.whole_frames(body, len(body) // 2)
            return begun + eventstream.exception("modelStreamErrorException", "The model failed in mid-stream.")
        case "cut":
            return body[: len(body) // 2]
        case "empty":
            return b"{}"
        case "deep":
            return b'{"output":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
        case "nan":
            return body.replace(b'okens":', b'okens":NaN,"was":')
    return body


def _reset(request: web.BaseRequest) -> web.Response:
    if request.transport is not None:
        linger = struct.pack("ii", 1, 0)  # close at once, with RST
        request.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        request.transport.abort()
    return web.Response()  # goes nowhere


def _truncated(request: web.BaseRequest, call: EmulatedCall) -> web.Response:
    body = call.body()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {call.content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    if request.transport is not None:
        request.transport.write(head.encode() + body[: len(body) // 2])
        request.transport.close()
    return web.Response()  # goes nowhere


async def _huge(request: web.BaseRequest, call: EmulatedCall, size: int) -> web.StreamResponse:
    """A good answer whose text is `size` bytes longer (of a stream: with as many bytes after its end)."""
    before, text, after = call.body().partition(b'"text":"')
    filling = (b"x" * min(_CHUNK, size - at) for at in range(0, size, _CHUNK))

    def chunks() -> Iterable[bytes]:
        yield before + text
        yield from filling
        yield after

    return await _stream(request, call, chunks(), len(before + text + after) + size)


async def _stream(
    request: web.BaseRequest, call: EmulatedCall, chunks: Iterable[bytes], length: int, pause: float = 0.0
) -> web.StreamResponse:
    response = web.StreamResponse(headers=call.headers)
    response.content_type = call.content_type
    response.content_length = length
    await response.prepare(request)
    for chunk in chunks:
        await response.write(chunk)
        await asyncio.sleep(pause)
    await response.write_eof()
    return response
