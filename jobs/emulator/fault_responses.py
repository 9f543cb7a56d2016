"""The responses of faults that are not plain service errors."""

import asyncio
import socket
import struct
from collections.abc import Iterable
from dataclasses import replace

from aiohttp import web

from jobs.emulator import eventstream
from jobs.emulator.faults import Fault
from jobs.emulator.responses import STREAMS, EmulatedCall, respond, respond_error
from jobs.emulator.service_errors import ERRORS

_PAGE = b"<!DOCTYPE html><html><head><title>Error</title></head><body><h1>Something went wrong</h1></body></html>"
_CHUNK_BYTES = 1 << 16


def before_model(fault: Fault, request: web.BaseRequest) -> web.Response:
    """The response to a fault of faults.BEFORE_MODEL."""
    if fault.kind == "redirect":
        target = (fault.argument or "https://elsewhere.invalid/").rstrip("/") + request.raw_path
        return web.Response(status=307, headers={"Location": target})
    headers = {} if fault.retry_after is None else {"Retry-After": fault.retry_after}
    return web.Response(body=_PAGE, status=503, content_type="text/html", headers=headers)


def status(fault: Fault, operation: str) -> int:
    """The HTTP status of the response to a call on which the model ran; 0 if the fault sends none."""
    if fault.error:
        return fault.error.status
    if fault.kind in {"reset", "hang"}:
        return 0
    return 424 if fault.kind == "mid-stream" and operation not in STREAMS else 200


async def after_model(fault: Fault, call: EmulatedCall) -> web.StreamResponse:
    """The response to a fault of faults.AFTER_MODEL."""
    match fault.kind:
        case "reset":
            return _reset(call.request)
        case "hang":
            await asyncio.Event().wait()  # until the client disconnects, or the server stops
        case "truncated":
            return _truncate(call)
        case "drip":
            body = call.response_body()
            single_bytes = (body[at : at + 1] for at in range(len(body)))
            return await _send(call, single_bytes, len(body), pause=float(fault.argument or 0.05))
        case "huge":
            return await _send_huge(call, int(float(fault.argument or 3e8)))
        case "mid-stream" if call.operation not in STREAMS:
            return respond_error(call, ERRORS["model-error"])
        case "html":
            return web.Response(body=_PAGE, content_type="text/html", headers=call.headers)
        case "stop-reason":
            call.answer = replace(call.answer, stop_reason=fault.argument or "guardrail_intervened")
        case "blank":
            call.answer = replace(call.answer, text="", tool_input=None)
    return respond(call, _corrupt(fault.kind, call.response_body()))


def _corrupt(kind: str, body: bytes) -> bytes:
    match kind:
        case "mid-stream":
            sent = eventstream.complete_frames(body, len(body) // 2)
            return sent + eventstream.exception("modelStreamErrorException", "The model failed in mid-stream.")
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
        linger = struct.pack("ii", 1, 0)  # close with RST
        request.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        request.transport.abort()
    return web.Response()  # never sent


def _truncate(call: EmulatedCall) -> web.Response:
    body, transport = call.response_body(), call.request.transport
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {call.content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    if transport is not None:
        transport.write(head.encode() + body[: len(body) // 2])
        transport.close()
    return web.Response()  # never sent


async def _send_huge(call: EmulatedCall, size: int) -> web.StreamResponse:
    """Send `size` more bytes in the first text (of a stream: after its end)."""
    before, text, after = call.response_body().partition(b'"text":"')

    def chunks() -> Iterable[bytes]:
        yield before + text
        for at in range(0, size, _CHUNK_BYTES):
            yield b"x" * min(_CHUNK_BYTES, size - at)
        yield after

    return await _send(call, chunks(), len(before + text + after) + size)


async def _send(call: EmulatedCall, chunks: Iterable[bytes], length: int, pause: float = 0.0) -> web.StreamResponse:
    response = web.StreamResponse(headers=call.headers)
    response.content_type = call.content_type
    response.content_length = length
    await response.prepare(call.request)
    for chunk in chunks:
        await response.write(chunk)
        await asyncio.sleep(pause)
    await response.write_eof()
    return response
