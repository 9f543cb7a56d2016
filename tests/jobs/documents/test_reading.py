import asyncio
import gc
import json
import os
import signal
import time
from contextlib import aclosing
from pathlib import Path

import pytest

from jobs.documents import reading
from jobs.documents.child import pack, unpack
from jobs.documents.document import Document, Source
from jobs.documents.intake import IntakeRules, ListingNotes
from jobs.documents.parsing import Chunk, Limits, parse
from jobs.documents.reading import ChildError, read
from jobs.sections import Section

RULES = IntakeRules(max_file_size=16 << 20)


class Started(list[asyncio.subprocess.Process]):
    """The child processes that were started, and the environments they were given."""

    def __init__(self):
        super().__init__()
        self.environments = []


@pytest.fixture
def processes(monkeypatch):
    started = Started()
    start = asyncio.create_subprocess_exec

    async def recorded(*arguments, **options):
        process = await start(*arguments, **options)
        started.append(process)
        started.environments.append(options["env"])
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", recorded)
    yield started
    assert all(process.returncode is not None for process in started), "a child outlived the reading"


def proc(process, name):
    return Path(f"/proc/{process.pid}/{name}").read_bytes()


async def chunks_of(*arguments, rules=RULES, **options):
    async with aclosing(read([str(argument) for argument in arguments], rules, 2000, **options)) as chunks:
        return [chunk async for chunk in chunks]


def documents_of(chunks):
    return [chunk.document for chunk in chunks if chunk.done]


def write(folder, documents, sections=3):
    for number in range(documents):
        path = folder / f"{number // 10:02}" / f"{number:03}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"# H {number} {n}\n\ntext {number} {n}\n" for n in range(sections)))


@pytest.mark.parametrize("children", [1, 3])
async def test_all_comes_in_the_order_of_the_listing(tmp_path, processes, children):
    write(tmp_path, 150)
    chunks = await chunks_of(tmp_path, children=children)
    texts = [section.text for chunk in chunks for section in chunk.sections]
    assert texts == [f"text {document} {section}" for document in range(150) for section in range(3)]
    assert [Path(document.path).name for document in documents_of(chunks)] == [f"{n:03}.md" for n in range(150)]
    assert len(processes) == children


async def test_a_child_reads_as_the_process_itself_would(tmp_path):
    (tmp_path / "a.md").write_bytes('# é\U0001f600\u2028 \x1b[31m\nnul \0 and \\ " and 漢字\n'.encode())
    (tmp_path / "b.html").write_text("<h1>A</h1>b")
    (tmp_path / "c.txt").write_text("# c")
    (tmp_path / os.fsdecode(b"d\xff\n[x].md")).write_text("e")
    names = sorted(path.name for path in tmp_path.iterdir())
    expected = [
        chunk
        for name in names
        for chunk in parse(
            Source(str(tmp_path / name), f"{tmp_path}/{name}".replace("\udcff", "%FF")), Limits(2000, 1 << 20)
        )
    ]
    assert await chunks_of(tmp_path) == expected


async def test_what_cannot_be_read_comes_in_its_place(tmp_path):
    (tmp_path / "a.md").write_text("a")
    (tmp_path / "b.txt").write_bytes(bytes(range(256)) * 20)
    (tmp_path / "c.png").touch()
    (tmp_path / "d.md").touch()
    (tmp_path / "e.md").write_text("e")
    documents = documents_of(await chunks_of(tmp_path, "missing.md"))
    assert [(Path(document.path).name, document.status) for document in documents] == [
        ("a.md", "ok"),
        ("b.txt", "unreadable"),
        ("c.png", "unreadable"),
        ("d.md", "empty"),
        ("e.md", "ok"),
        ("missing.md", "unreadable"),
    ]
    assert all(document.error for document in documents if document.status != "ok")


async def test_nothing_to_read_starts_no_child(tmp_path, processes):
    assert await chunks_of(tmp_path) == []
    assert len(processes) == 0


async def test_what_was_notes_is_counted(tmp_path):
    (tmp_path / ".hidden.md").touch()
    notes = ListingNotes()
    await chunks_of(tmp_path, notes=notes)
    assert notes.hidden == 1


async def test_a_file_that_vanishes_after_the_listing_is_unreadable(tmp_path):
    write(tmp_path, 40)
    async with aclosing(read([str(tmp_path)], RULES, 2000)) as chunks:
        first = await anext(chunks)
        (tmp_path / "03" / "039.md").unlink()
        documents = documents_of([first, *[chunk async for chunk in chunks]])
    assert len(documents) == 40
    assert (documents[-1].status, documents[-1].error) == ("unreadable", "it vanished after it was listed; run again")


async def test_a_child_that_is_killed_costs_one_file(tmp_path, processes):
    """What came of the file before counts; a new child goes on with the next, also with those asked for already."""
    (tmp_path / "a.md").write_text("".join(f"# {n}\n{'text ' * 50}{n}\n" for n in range(20_000)))
    write(tmp_path, 30)
    async with aclosing(read([f"{tmp_path}/a.md", str(tmp_path)], RULES, 2000)) as chunks:
        seen = [await anext(chunks)]
        assert not seen[0].done
        os.kill(processes[0].pid, signal.SIGKILL)
        seen += [chunk async for chunk in chunks]
    broken, *others = documents_of(seen)
    assert broken.status == "unreadable"
    assert "SIGKILL" in broken.error
    assert broken.sections == sum(len(chunk.sections) for chunk in seen if chunk.document.path == broken.path) >= 256
    assert [document.status for document in others] == ["ok"] * 30
    assert len(processes) == 2


async def test_a_child_that_says_nothing_is_replaced(tmp_path, processes, monkeypatch):
    (tmp_path / "a.md").write_text("".join(f"# {n}\n{'text ' * 50}{n}\n" for n in range(20_000)))
    write(tmp_path, 10)
    async with aclosing(read([f"{tmp_path}/a.md", str(tmp_path)], RULES, 2000)) as chunks:
        seen = [await anext(chunks)]
        os.kill(processes[0].pid, signal.SIGSTOP)
        monkeypatch.setattr(reading, "PATIENCE", 0.2)
        async for chunk in chunks:
            monkeypatch.setattr(reading, "PATIENCE", 0.2 if len(processes) == 1 and not chunk.done else 60.0)
            seen.append(chunk)
    hung, *others = documents_of(seen)
    assert (hung.status, hung.error.partition(";")[0]) == ("unreadable", "parsing it brought nothing for 0.2 s")
    assert [document.status for document in others] == ["ok"] * 10


async def test_a_file_that_needs_too_much_memory_costs_itself_only(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MEMORY", 400 << 20)
    (tmp_path / "a.md").write_text("\n" * (8 << 20))
    (tmp_path / "b.md").write_text("fine")
    first, second = documents_of(await chunks_of(tmp_path))
    assert first.status == "unreadable"
    assert second.status == "ok"


async def test_a_child_that_cannot_start_is_an_error_and_not_one_for_each_file(tmp_path, monkeypatch):
    write(tmp_path, 3)
    monkeypatch.setattr(reading.sys, "executable", "/bin/false")
    with pytest.raises(ChildError, match="does not start"):
        await chunks_of(tmp_path)
    monkeypatch.setattr(reading.sys, "executable", "/nowhere/python")
    with pytest.raises(ChildError, match="cannot be started"):
        await chunks_of(tmp_path)


async def test_closing_early_ends_the_children_and_leaks_nothing(tmp_path, processes):
    write(tmp_path, 100, sections=200)
    async with aclosing(read([str(tmp_path)], RULES, 2000, children=2)) as chunks:
        await anext(chunks)
    assert [process.returncode for process in processes] == [-signal.SIGKILL] * 2
    gc.collect()  # an open pipe would warn now, and warnings are errors


async def test_cancelling_ends_the_children(tmp_path, processes):
    write(tmp_path, 100, sections=200)
    begun = asyncio.Event()

    async def consume():
        async with aclosing(read([str(tmp_path)], RULES, 2000)) as chunks:
            async for _ in chunks:
                begun.set()

    task = asyncio.create_task(consume())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(processes) == 1


async def test_a_slow_consumer_holds_the_child_up(tmp_path, processes):
    """The child waits for its pipe; neither it nor we read ahead without bounds."""
    (tmp_path / "a.md").write_text("".join(f"# {n}\n{'text ' * 60}\n" for n in range(40_000)))
    async with aclosing(read([str(tmp_path)], RULES, 2000)) as chunks:
        await anext(chunks)
        used, still = -1.0, 0
        while still < 10:  # until it uses no more processor time
            await asyncio.sleep(0.02)
            now = sum(map(int, proc(processes[0], "stat").rpartition(b")")[2].split()[11:13]))
            still = still + 1 if now == used else 0
            used = now
        buffered = len(processes[0].stdout._buffer)
        assert buffered < 4 << 20
        rest = sum(len(chunk.sections) for chunk in [chunk async for chunk in chunks])
    assert rest == 40_000 - 256


async def test_a_child_has_no_credentials_and_ignores_ctrl_c(tmp_path, processes, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    write(tmp_path, 30, sections=300)
    async with aclosing(read([str(tmp_path)], RULES, 2000)) as chunks:
        await anext(chunks)
        pid = processes[0].pid
        assert b"secret" not in proc(processes[0], "environ")
        assert os.getsid(pid) == pid
        os.kill(pid, signal.SIGINT)
        assert len(documents_of([chunk async for chunk in chunks])) in (29, 30)
    assert len(processes) == 1
    assert not {name for name in processes.environments[0] if "AWS" in name or "TOKEN" in name}


async def test_a_folder_called_jobs_where_we_are_is_not_taken_for_ours(tmp_path, monkeypatch):
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs/__init__.py").write_text("raise SystemExit('wrong')")
    (tmp_path / "a.md").write_text("a")
    monkeypatch.chdir(tmp_path)
    assert [document.status for document in documents_of(await chunks_of("a.md"))] == ["ok"]


async def test_the_child_ends_with_its_input(tmp_path):
    process = await asyncio.create_subprocess_exec(
        *(reading.sys.executable, "-P", "-m", "jobs.documents.child"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    (tmp_path / "a.md").write_text("# A\nx")
    lines = [[reading.MEMORY, 2000, 1 << 20, False], [str(tmp_path / "a.md"), "a.md"]]
    output, _ = await process.communicate("".join(json.dumps(line) + "\n" for line in lines).encode())
    assert process.returncode == 0
    chunk = unpack("a.md", output[8:])
    assert (chunk.document.status, chunk.sections[0].text) == ("ok", "x")


def test_a_chunk_passes_through_a_frame_unchanged():
    section = Section(3, ("A", 'b"\\', "\u2028"), "nul \0 \x1b é\U0001f600", "page 2", "0" * 16, 5, 9)
    document = Document("x", "markdown", 10, 4, "unreadable", "broken \udcff")
    chunk = Chunk(document, [section], done=True)
    assert unpack("x", pack(chunk)) == chunk


def test_a_section_costs_the_reading_process_little():
    """It shares its interpreter with the calls."""
    sections = [Section(n, ("Title", f"Heading {n}"), "text " * 100, "", f"{n:016x}", n, n + 1) for n in range(256)]
    frame = pack(Chunk(Document("a.md", "markdown", 1, 256), sections, done=True))
    best = float("inf")
    for _ in range(5):
        begun = time.process_time()
        unpack("a.md", frame)
        best = min(best, time.process_time() - begun)
    assert best / 256 < 50e-6  # 3 us where this was measured
