"""The process that parses: `python -m jobs.documents.parser_process`.

Parsing holds the interpreter's lock, and a format's library may crash or eat all memory: neither must hold up, or take
down, the process that makes the calls. Requests are lines of JSON on standard input, answers frames of JSON on standard
output; it ends when its input does. The first line is [memory, max_tokens, max_file_size, follow_symlinks], the others
are [path, document]. The first frame is empty (it has started), the others are chunks.
"""

import json
import os
import resource
import signal
import struct
import sys
from contextlib import suppress
from typing import BinaryIO

from jobs.documents.document import Document, Source
from jobs.documents.parsing import Chunk, Limits, parse
from jobs.documents.splitting import Section

LENGTH = struct.Struct(">I")
"""Before each frame: its length in bytes."""


def pack(chunk: Chunk) -> bytes:
    """A chunk as a frame. Arrays, not objects: they are read in half the time."""
    of = chunk.document
    head = [chunk.done, of.format, of.bytes, of.sections, of.status, of.error]
    return json.dumps([*head, chunk.sections], ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "surrogatepass"
    )


def unpack(document: str, frame: bytes) -> Chunk:
    """The chunk of a frame."""
    done, name, size, sections, status, error, body = json.loads(frame)
    return Chunk(
        Document(document, name, size, sections, status, error),
        [Section(number, tuple(heading), *rest) for number, heading, *rest in body],
        done,
    )


def main() -> None:
    """Answer requests until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which knows what to finish
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not get between the frames
    memory, max_tokens, max_file_size, follow_symlinks = json.loads(sys.stdin.buffer.readline())
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (memory if hard == resource.RLIM_INFINITY else min(memory, hard), hard))
    limits = Limits(max_tokens, max_file_size, follow_symlinks)
    with suppress(BrokenPipeError), answers:
        _send(answers, b"")
        for line in sys.stdin.buffer:
            path, document = json.loads(line)
            for chunk in parse(Source(path, document), limits):
                _send(answers, pack(chunk))


def _send(answers: BinaryIO, frame: bytes) -> None:
    answers.write(LENGTH.pack(len(frame)) + frame)
    answers.flush()


if __name__ == "__main__":
    main()
