"""The parent's side of a parser process: crashes, timeouts, limits."""

import asyncio
import os
import signal

import pytest
from document_reading import Demand, chunks_of, documents_of, proc, reading, write

from jobs.documents import parser_client, parser_pool
from jobs.errors import ProcessError


async def test_a_killed_process_fails_one_file(tmp_path, processes):
    """Its sections so far are kept, and a new process continues with the files that were requested ahead."""
    (tmp_path / "a.md").write_text("".join(f"# {n}\n{'text ' * 50}{n}\n" for n in range(20_000)))
    write(tmp_path, 30)
    async with reading(tmp_path / "a.md", tmp_path) as chunks:
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


async def test_the_error_has_the_exit_code_of_a_crashed_process(tmp_path, processes, monkeypatch):
    """Also if its output ends a while before the process does: it is waited for, not killed."""
    child = tmp_path / "child.sh"
    child.write_text("#!/bin/sh\nprintf '\\0\\0\\0\\0'; exec >&-; sleep 0.05; exit 3\n")
    child.chmod(0o755)
    monkeypatch.setattr(parser_client.sys, "executable", str(child))
    write(tmp_path, 2)
    for document in documents_of(await chunks_of(tmp_path / "00")):
        assert document.status == "unreadable"
        assert "the parser process crashed (exit code 3)" in document.error
    assert [process.returncode for process in processes] == [3, 3]


async def test_a_hanging_process_is_replaced(tmp_path, processes, monkeypatch):
    (tmp_path / "a.md").write_text("".join(f"# {n}\n{'text ' * 50}{n}\n" for n in range(20_000)))
    write(tmp_path, 10)

    class Stopping(Demand):
        async def wait_for_document_slot(self):
            monkeypatch.setattr(parser_client, "TIMEOUT", 60.0)

        async def wants_more(self, document):
            os.kill(processes[0].pid, signal.SIGSTOP)
            monkeypatch.setattr(parser_client, "TIMEOUT", 0.2)
            return True

    hung, *others = documents_of(await chunks_of(tmp_path / "a.md", tmp_path, demand=Stopping()))
    assert (hung.status, hung.error.partition(";")[0]) == ("unreadable", "the parser made no progress for 0.2 s")
    assert [document.status for document in others] == ["ok"] * 10
    assert len(processes) == 2


async def test_a_file_that_needs_too_much_memory_fails_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(parser_pool, "MAX_MEMORY", 400 << 20)
    (tmp_path / "a.md").write_text("\n" * (8 << 20))
    (tmp_path / "b.md").write_text("fine")
    first, second = documents_of(await chunks_of(tmp_path))
    assert first.status == "unreadable"
    assert second.status == "ok"


async def test_a_file_that_needs_too_much_cpu_fails_alone(tmp_path, monkeypatch):
    """The time of the HTML converter grows with the square of a paragraph with entities."""
    monkeypatch.setattr(parser_pool, "MAX_CPU", 1)
    (tmp_path / "a.html").write_text("<p>" + "&amp; " * 2_000_000)
    (tmp_path / "b.md").write_text("fine")
    first, second = documents_of(await chunks_of(tmp_path))
    assert (first.status, first.error.partition(";")[0]) == ("unreadable", "it takes too much CPU time to parse")
    assert second.status == "ok"


@pytest.mark.parametrize("ended", [False, True])
async def test_a_process_that_is_killed_while_it_starts_is_replaced(tmp_path, processes, monkeypatch, ended):
    """No document is the reason, so none fails."""
    start = asyncio.create_subprocess_exec

    async def killed(*arguments, **options):
        process = await start(*arguments, **options)
        if len(processes) == 1:
            process.kill()
            if ended:
                await process.wait()
                process.stdin.close()  # uvloop refuses to write to a closed pipe
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", killed)
    write(tmp_path, 3)
    assert [document.status for document in documents_of(await chunks_of(tmp_path))] == ["ok"] * 3
    assert len(processes) == 2


async def test_a_process_that_cannot_start_is_one_error_not_one_per_file(tmp_path, monkeypatch):
    write(tmp_path, 3)
    monkeypatch.setattr(parser_client.sys, "executable", "/bin/false")
    with pytest.raises(ProcessError, match="does not start"):
        await chunks_of(tmp_path)
    monkeypatch.setattr(parser_client.sys, "executable", "/nowhere/python")
    with pytest.raises(ProcessError, match="cannot be started"):
        await chunks_of(tmp_path)


async def test_a_slow_consumer_slows_the_process_down(tmp_path, processes):
    """The process waits for its pipe; reading ahead is bounded."""
    (tmp_path / "a.md").write_text("".join(f"# {n}\n{'text ' * 60}\n" for n in range(40_000)))
    async with reading(tmp_path) as chunks:
        await anext(chunks)
        used, unchanged = -1.0, 0
        while unchanged < 10:  # until it uses no more CPU time
            await asyncio.sleep(0.02)
            now = sum(map(int, proc(processes[0], "stat").rpartition(b")")[2].split()[11:13]))
            unchanged = unchanged + 1 if now == used else 0
            used = now
        buffered = len(processes[0].stdout._buffer)
        assert buffered < 4 << 20
        rest = sum(len(chunk.sections) for chunk in [chunk async for chunk in chunks])
    assert rest == 40_000 - 256


async def test_a_process_has_no_credentials_and_ignores_ctrl_c(tmp_path, processes, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    write(tmp_path, 30, sections=300)
    async with reading(tmp_path) as chunks:
        await anext(chunks)
        pid = processes[0].pid
        assert b"secret" not in proc(processes[0], "environ")
        assert os.getsid(pid) == pid
        os.kill(pid, signal.SIGINT)
        assert len(documents_of([chunk async for chunk in chunks])) in (29, 30)
    assert len(processes) == 1
    assert not {name for name in processes.environments[0] if "AWS" in name or "TOKEN" in name}


async def test_a_folder_named_jobs_in_the_working_directory_is_not_imported(tmp_path, monkeypatch):
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs/__init__.py").write_text("raise SystemExit('wrong')")
    (tmp_path / "a.md").write_text("a")
    monkeypatch.chdir(tmp_path)
    assert [document.status for document in documents_of(await chunks_of("a.md"))] == ["ok"]
