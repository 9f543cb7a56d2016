"""Reading documents in parser processes."""

import asyncio
import gc
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from document_reading import RULES, Demand, chunks_of, documents_of, names_of, reading, write, write_large

from jobs.documents import parser_pool
from jobs.documents.document import Source
from jobs.documents.listing import ListingState
from jobs.documents.parsing import Limits, parse


async def test_documents_come_in_the_order_of_the_listing(tmp_path, processes):
    write(tmp_path, 150)
    chunks = await chunks_of(tmp_path)
    texts = [section.text for chunk in chunks for section in chunk.sections]
    assert texts == [f"text {document} {section}" for document in range(150) for section in range(3)]
    assert [Path(document.path).name for document in documents_of(chunks)] == [f"{n:03}.md" for n in range(150)]
    assert [chunk.position for chunk in chunks] == list(range(150))
    assert len(processes) == 1


async def test_a_parser_process_gives_the_same_sections_as_parsing_in_process(tmp_path):
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


async def test_documents_behind_a_blocked_one_are_read(tmp_path, processes):
    write_large(tmp_path, "a.md")
    for name in ("b", "c", "d"):
        (tmp_path / f"{name}.md").write_text(name)
    demand, seen = Demand(), []
    demand.blocked = {"a.md"}
    async with reading(tmp_path, demand=demand) as chunks:
        async for chunk in chunks:
            seen.append(chunk)
            if chunk.document.path.endswith("d.md"):
                await demand.unblock("a.md")
    assert names_of(seen) == ["b.md", "c.md", "d.md", "a.md"]
    assert {Path(chunk.document.path).name: chunk.position for chunk in seen} == {
        "a.md": 0, "b.md": 1, "c.md": 2, "d.md": 3,
    }  # fmt: skip
    of_a = [section for chunk in seen for section in chunk.sections if chunk.position == 0]
    assert [section.number for section in of_a] == list(range(2000))
    assert len(processes) == 2


async def test_documents_behind_six_blocked_ones_are_read(tmp_path, processes):
    large = [f"{n}.md" for n in range(6)]
    write_large(tmp_path, *large, sections=1000)
    (tmp_path / "z.md").write_text("z")
    demand, seen = Demand(), []
    demand.blocked = set(large)
    async with asyncio.timeout(20), reading(tmp_path, demand=demand) as chunks:
        async for chunk in chunks:
            seen.append(chunk)
            if chunk.document.path.endswith("z.md"):
                await demand.unblock(*large)
    assert names_of(seen)[0] == "z.md"
    assert sorted(names_of(seen)) == [*large, "z.md"]
    assert len(processes) == 7


async def test_an_idle_worker_continues_before_another_process_is_started(tmp_path, processes):
    large, small = ("a.md", "c.md", "e.md"), ("b.md", "d.md", "f.md")
    write_large(tmp_path, *large)
    for name in small:
        (tmp_path / name).write_text(name)
    ended = {name: asyncio.Event() for name in large}
    started = iter(["a.md", "b.md", "c.md", "d.md", "e.md", "f.md"])

    class InTurn(Demand):
        async def wait_for_document_slot(self):
            match next(started, ""):  # a worker is idle before the next document blocks
                case "c.md":
                    await ended["a.md"].wait()
                case "e.md":
                    await ended["c.md"].wait()

    demand, seen = InTurn(), []
    demand.blocked = set(large)
    async with reading(tmp_path, demand=demand) as chunks:
        async for chunk in chunks:
            seen.append(chunk)
            name = Path(chunk.document.path).name
            if name in small:
                await demand.unblock(large[small.index(name)])
            elif chunk.done:
                ended[name].set()
    assert names_of(seen) == ["b.md", "a.md", "d.md", "c.md", "f.md", "e.md"]
    assert len(processes) == 2


async def test_the_number_of_processes_is_limited(tmp_path, processes, monkeypatch):
    monkeypatch.setattr(parser_pool, "MAX_PROCESSES", 3)
    names = [f"{n}.md" for n in range(parser_pool.MAX_PROCESSES + 2)]
    write_large(tmp_path, *names)
    demand, seen = Demand(), []
    demand.blocked = set(names)
    async with reading(tmp_path, demand=demand) as chunks:
        seen += [await anext(chunks) for _ in range(parser_pool.MAX_PROCESSES)]
        assert {Path(chunk.document.path).name for chunk in seen} == set(names[: parser_pool.MAX_PROCESSES])
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await anext(chunks)
    assert len(processes) == parser_pool.MAX_PROCESSES


async def test_a_blocked_document_with_nothing_behind_it_starts_no_other_process(tmp_path, processes):
    write_large(tmp_path, "a.md")
    demand = Demand()
    demand.blocked = {"a.md"}
    async with reading(tmp_path, demand=demand) as chunks:
        seen = [await anext(chunks)]
        timer = asyncio.get_running_loop().call_later(0.1, lambda: asyncio.ensure_future(demand.unblock("a.md")))
        seen += [chunk async for chunk in chunks]
        timer.cancel()
    assert names_of(seen) == ["a.md"]
    assert len(processes) == 1


async def test_a_small_document_never_waits(tmp_path, processes):
    write(tmp_path, 20, sections=600)
    demand = Demand()
    demand.blocked = {f"{n:03}.md" for n in range(20)}
    assert len(documents_of(await chunks_of(tmp_path, demand=demand))) == 20
    assert len(processes) == 1


async def test_a_process_killed_while_its_document_waits_fails_that_document(tmp_path, processes):
    write_large(tmp_path, "a.md", sections=20_000)
    (tmp_path / "b.md").write_text("b")
    demand, seen = Demand(), []
    demand.blocked = {"a.md"}
    async with reading(tmp_path, demand=demand) as chunks:
        async for chunk in chunks:
            seen.append(chunk)
            if chunk.document.path.endswith("b.md"):
                os.kill(processes[0].pid, signal.SIGKILL)
                await demand.unblock("a.md")
    assert [(Path(document.path).name, document.status) for document in documents_of(seen)] == [
        ("b.md", "ok"), ("a.md", "unreadable"),
    ]  # fmt: skip


async def test_first_files_are_complete_before_any_other_starts(tmp_path, processes):
    write_large(tmp_path, "a.md", "m.md")
    for name in ("b.md", "n.txt", "z.md"):
        (tmp_path / name).write_text(name)
    (tmp_path / "c.png").touch()
    (tmp_path / "n.png").touch()
    rules = replace(RULES, first=("m*", "n.*", "z.md"))
    demand, seen, state = Demand(), [], ListingState()
    demand.blocked = {"m.md"}
    async with reading(tmp_path, rules=rules, demand=demand, state=state) as chunks:
        async for chunk in chunks:
            seen.append(chunk)
            if chunk.document.path.endswith("z.md"):
                await demand.unblock("m.md")
    assert names_of(seen) == ["n.png", "n.txt", "z.md", "m.md", "a.md", "b.md", "c.png"]
    last = {Path(chunk.document.path).name: chunk for chunk in seen}
    assert sorted(last, key=lambda name: last[name].position) == sorted(last)
    assert {name for name in last if last[name].first} == {"m.md", "n.png", "n.txt", "z.md"}
    assert len(processes) == 2
    assert state.hidden == state.unlisted == 0


async def test_if_no_file_matches_first_the_order_is_unchanged(tmp_path):
    write(tmp_path, 15)
    chunks = await chunks_of(tmp_path, rules=replace(RULES, first=("nothing",)))
    assert [chunk.position for chunk in chunks] == list(range(15))


async def test_unreadable_files_come_in_order_with_an_error(tmp_path):
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


async def test_an_empty_folder_starts_no_process(tmp_path, processes):
    assert await chunks_of(tmp_path) == []
    assert len(processes) == 0


async def test_hidden_files_are_counted(tmp_path):
    (tmp_path / ".hidden.md").touch()
    state = ListingState()
    await chunks_of(tmp_path, state=state)
    assert state.hidden == 1


async def test_a_file_deleted_after_the_listing_is_unreadable(tmp_path):
    write(tmp_path, 40)
    async with reading(tmp_path) as chunks:
        first = await anext(chunks)
        (tmp_path / "03" / "039.md").unlink()
        documents = documents_of([first, *[chunk async for chunk in chunks]])
    assert len(documents) == 40
    assert (documents[-1].status, documents[-1].error) == (
        "unreadable",
        "it disappeared after it was listed; run again",
    )


async def test_closing_early_ends_the_processes_and_leaks_nothing(tmp_path, processes):
    write(tmp_path, 100, sections=200)
    async with reading(tmp_path) as chunks:
        await anext(chunks)
    assert [process.returncode for process in processes] == [-signal.SIGKILL]
    gc.collect()  # an open pipe would warn, and warnings are errors


async def test_cancelling_ends_the_processes(tmp_path, processes):
    write(tmp_path, 100, sections=200)
    started = asyncio.Event()

    async def consume():
        async with reading(tmp_path) as chunks:
            async for _ in chunks:
                started.set()

    task = asyncio.create_task(consume())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(processes) == 1
