"""Frames of application/vnd.amazon.eventstream (pure)."""

import json
import struct
from collections.abc import Iterable, Mapping
from zlib import crc32

CONTENT_TYPE = "application/vnd.amazon.eventstream"
_STRING = 7
"""The type number of a header's value that is a string."""


def frame(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One message: lengths and their CRC, headers, payload, CRC of all before it (big-endian)."""
    packed = b"".join(
        struct.pack(f"!B{len(name)}sBH", len(name), name.encode(), _STRING, len(value.encode())) + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack("!II", 16 + len(packed) + len(payload), len(packed))
    message = prelude + struct.pack("!I", crc32(prelude)) + packed + payload
    return message + struct.pack("!I", crc32(message))


def events(named: Iterable[tuple[str, object]]) -> bytes:
    """Events as frames, their payloads as JSON."""
    return b"".join(
        frame(
            {":event-type": name, ":content-type": "application/json", ":message-type": "event"},
            json.dumps(payload, separators=(",", ":")).encode(),
        )
        for name, payload in named
    )


def exception(kind: str, message: str) -> bytes:
    """An error in mid-stream, as a frame; `kind` as the service model spells it (`modelStreamErrorException`)."""
    headers = {":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}
    return frame(headers, json.dumps({"message": message}).encode())


def whole_frames(stream: bytes, size: int) -> bytes:
    """The frames that stand completely within the first `size` bytes."""
    at = 0
    while at < len(stream) and (end := at + int.from_bytes(stream[at : at + 4], "big")) <= size:
        at = end
    return stream[:at]
