"""The child process that parses documents: `python -m jobs.documents.parser_process`.

Parsing holds the interpreter's lock, and a format's library may crash or exhaust memory. Neither may block or end the
process that makes the calls.

Requests are lines of JSON on standard input, replies are frames of JSON on standard output; the process ends when its
input does. The first line is [memory, cpu, max_tokens, max_file_size, follow_symlinks], each further line
[path, document, take]. The first frame is empty (the process has started), each further frame is a Chunk.
"""

import json
import os
import resource
import signal
import struct
import sys
import time
from contextlib import suppress
from typing import BinaryIO

from jobs.documents.document import Document, Source
from jobs.documents.parsing import Chunk, Limits, parse
from jobs.documents.sampling import Take
from jobs.documents.splitting import Section

LENGTH = struct.Struct(">I")
"""Precedes each frame: its length in bytes."""


def pack(chunk: Chunk) -> bytes:
    """A chunk as a frame. Arrays parse twice as fast as objects."""
    document = chunk.document
    head = [chunk.done, document.format, document.bytes, document.sections, document.status, document.error]
    return json.dumps([*head, chunk.sections], ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "surrogatepass"
    )


def unpack(document: str, frame: bytes) -> Chunk:
    """The chunk of a frame; `document` is the document's name."""
    done, name, size, count, status, error, sections = json.loads(frame)
    return Chunk(
        Document(document, name, size, count, status, error),
        [Section(number, tuple(heading), *rest) for number, heading, *rest in sections],
        done,
    )


def main() -> None:
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # `pkill -USR1` may reach this process too
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which decides what still finishes
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # output of a library must not mix with the frames
    memory, cpu, max_tokens, max_file_size, follow_symlinks = json.loads(sys.stdin.buffer.readline())
    _limit(resource.RLIMIT_CORE, 0)  # a dump would hold the document
    _limit(resource.RLIMIT_AS, memory)
    limits = Limits(max_tokens, max_file_size, follow_symlinks)
    with suppress(BrokenPipeError), replies:
        _send(replies, b"")
        for line in sys.stdin.buffer:
            path, document, take = json.loads(line)
            _limit_cpu(cpu)
            for chunk in parse(Source(path, document, take=take and Take(*take)), limits):
                _send(replies, pack(chunk))
                _limit_cpu(cpu)


def _limit(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))


def _limit_cpu(seconds: int) -> None:
    """End this process with SIGXCPU if the next chunk takes more than these seconds of CPU.

    It also ends a process in a library's endless loop that does not notice that its parent is gone.
    """
    _limit(resource.RLIMIT_CPU, int(time.process_time()) + seconds)


def _send(replies: BinaryIO, frame: bytes) -> None:
    replies.write(LENGTH.pack(len(frame)) + frame)
    replies.flush()


if __name__ == "__main__":
    main()
