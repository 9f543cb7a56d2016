import asyncio
import gc
import json
import os
import signal
import time
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

from jobs.documents import parser_pool as reading
from jobs.documents.document import Document, Source
from jobs.documents.listing import FileRules, ListingNotes
from jobs.documents.parser_pool import read
from jobs.documents.parser_process import pack, unpack
from jobs.documents.parsing import Chunk, Limits, parse
from jobs.documents.splitting import Section
from jobs.errors import ProcessError

RULES = FileRules(max_file_size=16 << 20)


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


class Demand:
    """All is wanted, but for what is held up."""

    def __init__(self):
        self.held = set()
        """Names of documents."""
        self.changed = asyncio.Condition()

    async def another(self):
        pass

    async def more(self, document):
        return Path(document).name not in self.held

    async def drained(self, document):
        async with self.changed:
            await self.changed.wait_for(lambda: Path(document).name not in self.held)

    async def free(self, *names):
        async with self.changed:
            self.held -= set(names)
            self.changed.notify_all()


def reading_of(*arguments, rules=RULES, demand=None, notes=None):
    return aclosing(read([str(argument) for argument in arguments], rules, 2000, demand or Demand(), notes))


async def chunks_of(*arguments, **options):
    async with reading_of(*arguments, **options) as chunks:
        return [chunk async for chunk in chunks]


def documents_of(chunks):
    return [chunk.document for chunk in chunks if chunk.done]


def write(folder, documents, sections=3):
    for number in range(documents):
        path = folder / f"{number // 10:02}" / f"{number:03}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"# H {number} {n}\n\ntext {number} {n}\n" for n in range(sections)))


async def test_all_comes_in_the_order_of_the_listing(tmp_path, processes):
    write(tmp_path, 150)
    chunks = await chunks_of(tmp_path)
    texts = [section.text for chunk in chunks for section in chunk.sections]
    assert texts == [f"text {document} {section}" for document in range(150) for section in range(3)]
    assert [Path(document.path).name for document in documents_of(chunks)] == [f"{n:03}.md" for n in range(150)]
    assert [chunk.position for chunk in chunks] == list(range(150))
    assert len(processes) == 1


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
    assert [replace(chunk, position=0) for chunk in await chunks_of(tmp_path)] == expected


def write_large(folder, *names, sections=2000):
    for name in names:
        (folder / name).write_text(
            "".join(f"# {name} {n}\n\ntext of {n} in {name} {'x' * 50}\n" for n in range(sections))
        )


def names_of(chunks):
    """Of the documents in the order in which they were read to their end."""
    return [Path(document.path).name for document in documents_of(chunks)]


async def test_behind_a_document_that_is_held_up_the_others_are_read(tmp_path, processes):
    write_large(tmp_path, "a.md")
    for name in ("b", "c", "d"):
        (tmp_path / f"{name}.md").write_text(name)
    demand, seen = Demand(), []
    demand.held = {"a.md"}
    async with reading_of(tmp_path, demand=demand) as chunks:
        async for chunk in chunks:
            seen.append(chunk)
            if chunk.document.path.endswith("d.md"):
                await demand.free("a.md")
    assert names_of(seen) == ["b.md", "c.md", "d.md", "a.md"]
    assert {Path(chunk.document.path).name: chunk.position for chunk in seen} == {
        "a.md": 0, "b.md": 1, "c.md": 2, "d.md": 3,
    }  # fmt: skip
    of_a = [section for chunk in seen for section in chunk.sections if chunk.position == 0]
    assert [section.number for section in of_a] == list(range(2000))
    assert len(processes) == 2


async def test_behind_six_documents_that_are_held_up_the_others_are_read(tmp_path, processes):
    large = [f"{n}.md" for n in range(6)]
    write_large(tmp_path, *large, sections=1000)
    (tmp_path / "z.md").write_text("z")
    demand, seen = Demand(), []
    demand.held = set(large)
    async with asyncio.timeout(20), reading_of(tmp_path, demand=demand) as chunks:
        async for chunk in chunks:
            seen.append(chunk)
            if chunk.document.path.endswith("z.md"):
                await demand.free(*large)
    assert names_of(seen)[0] == "z.md"
    assert sorted(names_of(seen)) == [*large, "z.md"]
    assert len(processes) == 7


async def test_a_lane_that_is_free_again_goes_on_before_another_child_is_started(tmp_path, processes):
    large, small = ("a.md", "c.md", "e.md"), ("b.md", "d.md", "f.md")
    write_large(tmp_path, *large)
    for name in small:
        (tmp_path / name).write_text(name)
    read_to_its_end = {name: asyncio.Event() for name in large}
    begun = iter(["a.md", "b.md", "c.md", "d.md", "e.md", "f.md"])

    class InTurn(Demand):
        async def another(self):
            match next(begun, ""):  # a lane is free before the next document is held up
                case "c.md":
                    await read_to_its_end["a.md"].wait()
                case "e.md":
                    await read_to_its_end["c.md"].wait()

    demand, seen = InTurn(), []
    demand.held = set(large)
    async with reading_of(tmp_path, demand=demand) as chunks:
        async for chunk in chunks:
            seen.append(chunk)
            name = Path(chunk.document.path).name
            if name in small:
                await demand.free(large[small.index(name)])
            elif chunk.done:
                read_to_its_end[name].set()
    assert names_of(seen) == ["b.md", "a.md", "d.md", "c.md", "f.md", "e.md"]
    assert len(processes) == 2


async def test_there_are_only_so_many_children(tmp_path, processes, monkeypatch):
    monkeypatch.setattr(reading, "CHILDREN", 3)
    names = [f"{n}.md" for n in range(reading.CHILDREN + 2)]
    write_large(tmp_path, *names)
    demand, seen = Demand(), []
    demand.held = set(names)
    async with reading_of(tmp_path, demand=demand) as chunks:
        seen += [await anext(chunks) for _ in range(reading.CHILDREN)]
        assert {Path(chunk.document.path).name for chunk in seen} == set(names[: reading.CHILDREN])
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await anext(chunks)
    assert len(processes) == reading.CHILDREN


async def test_with_nothing_behind_it_a_document_that_is_held_up_costs_no_further_child(tmp_path, processes):
    write_large(tmp_path, "a.md")
    demand = Demand()
    demand.held = {"a.md"}
    async with reading_of(tmp_path, demand=demand) as chunks:
        seen = [await anext(chunks)]
        free = asyncio.get_running_loop().call_later(0.1, lambda: asyncio.ensure_future(demand.free("a.md")))
        seen += [chunk async for chunk in chunks]
        free.cancel()
    assert names_of(seen) == ["a.md"]
    assert len(processes) == 1


async def test_a_small_document_is_never_held_up(tmp_path, processes):
    write(tmp_path, 20, sections=600)
    demand = Demand()
    demand.held = {f"{n:03}.md" for n in range(20)}
    assert len(documents_of(await chunks_of(tmp_path, demand=demand))) == 20
    assert len(processes) == 1


async def test_a_child_that_is_killed_while_its_document_is_held_up_costs_that_document(tmp_path, processes):
    write_large(tmp_path, "a.md", sections=20_000)
    (tmp_path / "b.md").write_text("b")
    demand, seen = Demand(), []
    demand.held = {"a.md"}
    async with reading_of(tmp_path, demand=demand) as chunks:
        async for chunk in chunks:
            seen.append(chunk)
            if chunk.document.path.endswith("b.md"):
                os.kill(processes[0].pid, signal.SIGKILL)
                await demand.free("a.md")
    assert [(Path(document.path).name, document.status) for document in documents_of(seen)] == [
        ("b.md", "ok"), ("a.md", "unreadable"),
    ]  # fmt: skip


async def test_what_goes_first_is_read_to_its_end_before_all_others(tmp_path, processes):
    write_large(tmp_path, "a.md", "m.md")
    for name in ("b.md", "n.txt", "z.md"):
        (tmp_path / name).write_text(name)
    (tmp_path / "c.png").touch()
    (tmp_path / "n.png").touch()
    rules = replace(RULES, first=("m*", "n.*", "z.md"))
    demand, seen, notes = Demand(), [], ListingNotes()
    demand.held = {"m.md"}
    async with reading_of(tmp_path, rules=rules, demand=demand, notes=notes) as chunks:
        async for chunk in chunks:
            seen.append(chunk)
            if chunk.document.path.endswith("z.md"):
                await demand.free("m.md")
    assert names_of(seen) == ["n.png", "n.txt", "z.md", "m.md", "a.md", "b.md", "c.png"]
    last = {Path(chunk.document.path).name: chunk for chunk in seen}
    assert sorted(last, key=lambda name: last[name].position) == sorted(last)
    assert {name for name in last if last[name].first} == {"m.md", "n.png", "n.txt", "z.md"}
    assert len(processes) == 2
    assert notes.hidden == notes.unlisted == 0


async def test_if_nothing_goes_first_all_comes_in_order(tmp_path):
    write(tmp_path, 15)
    chunks = await chunks_of(tmp_path, rules=replace(RULES, first=("nothing",)))
    assert [chunk.position for chunk in chunks] == list(range(15))


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
    async with reading_of(tmp_path) as chunks:
        first = await anext(chunks)
        (tmp_path / "03" / "039.md").unlink()
        documents = documents_of([first, *[chunk async for chunk in chunks]])
    assert len(documents) == 40
    assert (documents[-1].status, documents[-1].error) == ("unreadable", "it vanished after it was listed; run again")


async def test_a_child_that_is_killed_costs_one_file(tmp_path, processes):
    """What came of the file before counts; a new child goes on with the next, also with those asked for already."""
    (tmp_path / "a.md").write_text("".join(f"# {n}\n{'text ' * 50}{n}\n" for n in range(20_000)))
    write(tmp_path, 30)
    async with reading_of(tmp_path / "a.md", tmp_path) as chunks:
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


async def test_the_exit_code_of_a_child_that_ends_is_told(tmp_path, processes, monkeypatch):
    """Also that of one whose output ends a while before it does: it is waited for, not killed."""
    child = tmp_path / "child.sh"
    child.write_text("#!/bin/sh\nprintf '\\0\\0\\0\\0'; exec >&-; sleep 0.05; exit 3\n")
    child.chmod(0o755)
    monkeypatch.setattr(reading.sys, "executable", str(child))
    write(tmp_path, 2)
    for document in documents_of(await chunks_of(tmp_path / "00")):
        assert document.status == "unreadable"
        assert "ended the process that did it (exit code 3)" in document.error
    assert [process.returncode for process in processes] == [3, 3]


async def test_a_child_that_says_nothing_is_replaced(tmp_path, processes, monkeypatch):
    (tmp_path / "a.md").write_text("".join(f"# {n}\n{'text ' * 50}{n}\n" for n in range(20_000)))
    write(tmp_path, 10)

    class Stopping(Demand):
        async def another(self):
            monkeypatch.setattr(reading, "PATIENCE", 60.0)

        async def more(self, document):
            os.kill(processes[0].pid, signal.SIGSTOP)
            monkeypatch.setattr(reading, "PATIENCE", 0.2)
            return True

    hung, *others = documents_of(await chunks_of(tmp_path / "a.md", tmp_path, demand=Stopping()))
    assert (hung.status, hung.error.partition(";")[0]) == ("unreadable", "parsing it brought nothing for 0.2 s")
    assert [document.status for document in others] == ["ok"] * 10
    assert len(processes) == 2


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
    with pytest.raises(ProcessError, match="does not start"):
        await chunks_of(tmp_path)
    monkeypatch.setattr(reading.sys, "executable", "/nowhere/python")
    with pytest.raises(ProcessError, match="cannot be started"):
        await chunks_of(tmp_path)


async def test_closing_early_ends_the_children_and_leaks_nothing(tmp_path, processes):
    write(tmp_path, 100, sections=200)
    async with reading_of(tmp_path) as chunks:
        await anext(chunks)
    assert [process.returncode for process in processes] == [-signal.SIGKILL]
    gc.collect()  # an open pipe would warn now, and warnings are errors


async def test_cancelling_ends_the_children(tmp_path, processes):
    write(tmp_path, 100, sections=200)
    begun = asyncio.Event()

    async def consume():
        async with reading_of(tmp_path) as chunks:
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
    async with reading_of(tmp_path) as chunks:
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
    async with reading_of(tmp_path) as chunks:
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
        *(reading.sys.executable, "-P", "-m", "jobs.documents.parser_process"),
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
