"""The parser process and its frames."""

import asyncio
import json
import sys
import time

from jobs.documents import parser_pool
from jobs.documents.document import Document
from jobs.documents.parser_process import pack, unpack
from jobs.documents.parsing import Chunk
from jobs.documents.splitting import Section


async def test_the_process_ends_with_its_input(tmp_path):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "jobs.documents.parser_process"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    (tmp_path / "a.md").write_text("# A\nx")
    lines = [
        [parser_pool.MAX_MEMORY, parser_pool.MAX_CPU, 2000, 1 << 20, False],
        [str(tmp_path / "a.md"), "a.md", None],
    ]
    output, _ = await process.communicate("".join(json.dumps(line) + "\n" for line in lines).encode())
    assert process.returncode == 0
    chunk = unpack("a.md", output[8:])
    assert (chunk.document.status, chunk.sections[0].text) == ("ok", "x")


def test_packing_and_unpacking_a_chunk_changes_nothing():
    section = Section(3, ("A", 'b"\\', "\u2028"), "nul \0 \x1b é\U0001f600", "page 2", "0" * 16)
    document = Document("x", "markdown", 10, 4, "unreadable", "broken \udcff")
    chunk = Chunk(document, [section], done=True)
    assert unpack("x", pack(chunk)) == chunk


def test_unpacking_a_section_costs_little_cpu():
    """It happens in the process that makes the calls."""
    sections = [Section(n, ("Title", f"Heading {n}"), "text " * 100, "", f"{n:016x}") for n in range(256)]
    frame = pack(Chunk(Document("a.md", "markdown", 1, 256), sections, done=True))
    best = float("inf")
    for _ in range(5):
        start = time.process_time()
        unpack("a.md", frame)
        best = min(best, time.process_time() - start)
    assert best / 256 < 50e-6  # 3 us when measured
