"""Encodes application/vnd.amazon.eventstream messages (pure)."""

import json
import struct
from collections.abc import Iterable, Mapping
from zlib import crc32

CONTENT_TYPE = "application/vnd.amazon.eventstream"


def frame(headers: Mapping[str, str], payload: bytes) -> bytes:
    """Encode one message, big-endian: total and header length, their CRC32, headers, payload, CRC32 of everything."""
    packed = b"".join(
        struct.pack(f"!B{len(name)}sBH", len(name), name.encode(), 7, len(value.encode())) + value.encode()  # 7: string
        for name, value in headers.items()
    )
    prelude = struct.pack("!II", 16 + len(packed) + len(payload), len(packed))
    message = prelude + struct.pack("!I", crc32(prelude)) + packed + payload
    return message + struct.pack("!I", crc32(message))


def events(named: Iterable[tuple[str, object]]) -> bytes:
    """Encode (event type, payload) pairs; the payload becomes JSON."""
    return b"".join(
        frame(
            {":event-type": name, ":content-type": "application/json", ":message-type": "event"},
            json.dumps(payload, separators=(",", ":")).encode(),
        )
        for name, payload in named
    )


def exception(kind: str, message: str) -> bytes:
    """Encode an error in mid-stream; `kind` is spelled as in the service model (`modelStreamErrorException`)."""
    headers = {":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}
    return frame(headers, json.dumps({"message": message}).encode())


def complete_frames(stream: bytes, size: int) -> bytes:
    """The frames that fit completely into the first `size` bytes."""
    end = 0
    while end < len(stream) and (next_end := end + int.from_bytes(stream[end : end + 4], "big")) <= size:
        end = next_end
    return stream[:end]
