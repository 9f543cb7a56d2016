"""Runs whose journal, cache, results or disk fail: no paid answer is lost, and no call starts afterwards."""

import json
import resource
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from running import COMMAND, PATIENCE, EmulatorProcess, Workplace, emulator, until

SECTIONS = 200
IN_FLIGHT = 16


@pytest.fixture
def slow():
    with emulator(latency=0.1) as bedrock:
        yield bedrock


@pytest.fixture
def place(tmp_path, slow):
    place = Workplace(tmp_path, slow.url)
    place.environment["TMPDIR"] = str(tmp_path)
    place.sections(SECTIONS)
    return place


def spools(place: Workplace) -> list[Path]:
    return sorted(place.folder.rglob("*.spool"))


def start(place: Workplace, preparation: str = "", *options: str) -> "subprocess.Popen[str]":
    return place.start_prepared(preparation, "--concurrency", str(IN_FLIGHT), *options)


def end(running: "subprocess.Popen[str]") -> str:
    _, err = running.communicate(timeout=PATIENCE)
    assert running.returncode == 13, err
    return err


def complete(place: Workplace, bedrock: EmulatorProcess) -> str:
    """The next run completes the work: no answer was lost, and no section is paid for twice."""
    again = place.run("--no-cache")
    assert again.returncode == 0, again.stderr
    assert len(bedrock.ledger()) == SECTIONS
    assert [row["status"] for row in place.results()] == ["ok"] * SECTIONS
    assert place.summary()["maybe_paid_twice"] == 0
    assert spools(place) == []
    return again.stderr


LIMIT_FILES = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (120_000, {resource.RLIM_INFINITY}))"


class TestJournal:
    def test_a_write_that_fails_stops_the_run_and_saves_the_calls_in_flight(self, place, slow):
        err = end(start(place, LIMIT_FILES, "--no-cache"))
        assert 0 < len(slow.ledger()) < SECTIONS
        (spool,) = spools(place)
        assert spool.parent == place.out
        assert spool.stat().st_mode & 0o777 == 0o600
        assert f"saved in {spool.relative_to(place.folder)}" in err
        assert "free some space" not in err
        assert "calls of an earlier run that are in the journal now" in complete(place, slow)

    def test_no_call_starts_after_the_failure(self, place, slow):
        running = start(place, LIMIT_FILES, "--no-cache")
        assert running.stderr
        until(lambda: "stopping" in (running.stderr.readline() or "stopping"))
        calls = len(slow.ledger())
        end(running)
        assert len(slow.ledger()) == calls

    def test_the_summary_of_such_a_run_counts_what_is_in_the_journal(self, place, slow):
        end(start(place, LIMIT_FILES, "--no-cache"))
        summary = place.summary()
        assert summary["exit_code"] == 13
        assert "the journal cannot be used" in summary["error"]
        assert 0 < summary["ok"] < summary["calls"] == len(slow.ledger())

    def test_a_reader_that_holds_a_transaction_loses_nothing(self, place, slow):
        running = start(place, "import jobs.record.journal_file; jobs.record.journal_file.BUSY_TIMEOUT = 0.5")
        until(lambda: len(slow.ledger()) > 60)
        with closing(sqlite3.connect(place.out / "journal.sqlite", isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM units").fetchone()
            err = end(running)
        assert "database is locked" in err
        assert "close the other program" in err
        assert "free some space" not in err
        complete(place, slow)

    @pytest.mark.parametrize("what", ["directory", "journal"])
    def test_a_deleted_output_is_written_again_from_the_open_journal(self, place, slow, what):
        running = start(place)
        until(lambda: len(slow.ledger()) > 60)
        if what == "directory":
            shutil.rmtree(place.out)
        else:
            (place.out / "journal.sqlite").unlink()
        err = end(running)
        assert "deleted" in err
        assert len(place.results()) > 0
        complete(place, slow)

    def test_without_a_journal_the_answers_are_in_the_cache(self, place, slow):
        running = start(place)
        until(lambda: len(slow.ledger()) > 60)
        shutil.rmtree(place.out)
        end(running)
        shutil.rmtree(place.out)
        for spool in spools(place):
            spool.unlink()
        assert place.run().returncode == 0
        assert len(slow.ledger()) == SECTIONS


class TestSpool:
    @pytest.fixture
    def spool(self, place):
        end(start(place, LIMIT_FILES, "--no-cache"))
        return spools(place)[0]

    def test_status_names_the_file_until_a_run_has_read_it(self, place, slow, spool):
        def status() -> str:
            command = [COMMAND, "status", "out"]
            return subprocess.run(command, cwd=place.folder, env=place.env(), capture_output=True, text=True).stdout

        assert f"answers of a run whose journal failed are in {spool.relative_to(place.folder)}" in status()
        complete(place, slow)
        assert "journal failed" not in status()

    def test_a_damaged_line_is_refused_and_the_file_stays(self, place, slow, spool):
        lines = spool.read_text().splitlines(keepends=True)
        spool.write_text(lines[0].replace("end_turn", "end_tern") + "".join(lines[1:]))
        again = place.run("--no-cache")
        assert again.returncode == 0, again.stderr
        assert "damaged or belong to another journal: 1\n" in again.stderr
        assert "hint: delete the file" in again.stderr
        assert spool.exists()
        assert len(slow.ledger()) == SECTIONS + 1
        assert place.summary()["maybe_paid_twice"] == 1

    def test_a_file_of_another_journal_changes_nothing(self, place, slow, spool):
        text = spool.read_bytes()
        spool.unlink()
        assert place.run(output="other").returncode == 0
        (place.folder / "other" / spool.name).write_bytes(text)
        before = place.results("other")
        assert place.run(output="other").returncode == 0
        assert place.results("other") == before
        assert (place.folder / "other" / spool.name).exists()


class TestCache:
    def test_a_cache_that_fails_does_not_end_the_run(self, place, slow):
        fail = "import sqlite3, diskcache\ndef fail(*_, **__): raise sqlite3.OperationalError('disk I/O error')"
        running = start(place, f"{fail}\ndiskcache.Cache.get = fail; diskcache.Cache.transact = fail")
        _, err = running.communicate(timeout=PATIENCE)
        assert running.returncode == 0, err
        assert err.count("the cache failed: disk I/O error; the run went on without it") == 1

    @pytest.mark.parametrize("named", [False, True])
    def test_only_a_cache_directory_that_was_named_must_be_usable(self, place, named):
        place.sections(3)
        command = place.command()
        name = command.index("--cache-dir")
        if named:
            (place.folder / "cache").write_text("a file")
        else:
            del command[name : name + 2]
            (place.folder / "home").mkdir()
            (place.folder / "home" / ".cache").write_text("a file")
        done = subprocess.run(command, cwd=place.folder, env=place.env(), capture_output=True, text=True)
        assert done.returncode == (13 if named else 0), done.stderr
        assert "cannot be used" in done.stderr
        assert ("the run goes on without it" in done.stderr) is not named


class TestResults:
    def test_a_disk_that_is_nearly_full_gets_no_call(self, place, slow):
        running = start(place, "import jobs.record.free_space as f; f.RESERVE = 1 << 60")
        err = end(running)
        assert slow.ledger() == []
        assert "nearly full" in err
        assert "free some space" in err
        assert place.summary()["exit_code"] == 13

    def test_a_disk_that_fills_up_stops_the_run_with_the_calls_in_flight_recorded(self, place, slow):
        fill = """
import itertools, types
import cli.runs.batch, jobs.record.free_space as space
cli.runs.batch.SPACE_CHECK = 0.5
free = itertools.chain([1 << 60], itertools.repeat(0))
space.os = types.SimpleNamespace(statvfs=lambda _: types.SimpleNamespace(f_blocks=1, f_frsize=1, f_bavail=next(free)))
"""
        running = start(place, fill)
        end(running)
        assert 0 < len(slow.ledger()) < SECTIONS
        assert sum(row["status"] == "ok" for row in place.results()) == len(slow.ledger())
        complete(place, slow)

    def test_results_that_cannot_be_replaced_stay_and_the_summary_counts_the_answers(self, place):
        place.sections(3)
        assert place.run().returncode == 0
        (place.out / ".results.jsonl.tmp").mkdir()
        place.sections(2, "b.md", 10)
        again = place.run()
        assert again.returncode == 13
        assert "error: results in out cannot be used" in again.stderr
        assert len(place.results()) == 3
        assert (place.summary()["ok"], place.summary()["exit_code"]) == (5, 13)
        (place.out / ".results.jsonl.tmp").rmdir()
        assert place.run().returncode == 0
        assert len(place.results()) == 5

    def test_a_summary_that_cannot_be_replaced_is_removed(self, place):
        place.sections(3)
        assert place.run().returncode == 0
        (place.out / ".summary.json.tmp").mkdir()
        place.sections(2)
        again = place.run()
        assert again.returncode == 13
        assert "summary.json" in again.stderr
        assert not (place.out / "summary.json").exists()
        assert json.loads((place.out / "results.jsonl").read_text().splitlines()[0])["status"] == "ok"
