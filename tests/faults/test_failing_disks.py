"""Disks that are full or return errors: once there is room, no answer is lost and none is paid for again."""

import subprocess
from pathlib import Path

import pytest
from fault_runs import FULL, mounted, need, need_root
from running import PATIENCE, EmulatorProcess, Workplace, emulator

SECTIONS = 300
SIZES = range(150, 450, 15)
"""KiB of a disk, from one that holds no journal to one that holds the whole run."""

WITHOUT_RESERVE = "import jobs.record.free_space as space; space.RESERVE = space.PER_CALL = space.PER_TOKEN = 0"
"""Let the disk run full: the reserve stops a run before."""
WITHOUT_SPOOL = f"{WITHOUT_RESERVE}\nfrom jobs.record.spool import Spool; Spool.save = lambda *_: None"


@pytest.fixture(scope="module")
def bedrock():
    with emulator(latency=0.03, jitter=0.5) as running:
        yield running


def place_on(disk: Path, bedrock: EmulatorProcess) -> Workplace:
    place = Workplace(disk.parent, bedrock.url)
    place.sections(SECTIONS, f"{disk.parent.name}.md")
    return place


def calls(bedrock: EmulatorProcess) -> int:
    return int(bedrock.stats()["calls"])


def fill(place: Workplace, disk: Path, bedrock: EmulatorProcess, preparation: str) -> tuple[int, int]:
    """Run until the disk is full, then with room to the end; returns calls and the sections paid for twice."""
    before = calls(bedrock)
    output = f"{disk.name}/out"
    first = place.start_prepared(preparation, "--concurrency", "16", "--no-cache", output=output)
    _, err = first.communicate(timeout=PATIENCE)
    assert first.returncode in (0, 13), err
    paid = calls(bedrock) - before
    subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
    again = place.run("--concurrency", "16", "--no-cache", output=output)
    assert again.returncode == 0, again.stderr
    return paid, calls(bedrock) - before - SECTIONS


@pytest.mark.timeout(600)
@pytest.mark.parametrize("part", range(4))
def test_a_disk_of_any_size_loses_no_answer(tmp_path, bedrock, part):
    need_root("mount")
    for kib in SIZES[part::4]:
        folder = tmp_path / str(kib)
        folder.mkdir()
        with mounted(folder / "disk", "-t", "tmpfs", "-o", f"size={kib}k", "tmpfs"):
            place = place_on(folder / "disk", bedrock)
            paid, twice = fill(place, folder / "disk", bedrock, WITHOUT_RESERVE)
            print(f"{kib} KiB: {paid} calls before it was full")
            assert twice == 0
            assert place.summary("disk/out")["maybe_paid_twice"] == 0


@pytest.mark.timeout(600)
def test_without_a_spool_answers_are_lost(tmp_path, bedrock):
    need_root("mount")
    with mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=240k", "tmpfs"):
        paid, twice = fill(place_on(tmp_path / "disk", bedrock), tmp_path / "disk", bedrock, WITHOUT_SPOOL)
        assert 0 < paid < SECTIONS
        assert twice > 0


def test_with_its_reserve_a_small_disk_gets_no_call(tmp_path, bedrock):
    need_root("mount")
    with mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=4m", "tmpfs"):
        before = calls(bedrock)
        done = place_on(tmp_path / "disk", bedrock).run(output="disk/out")
        assert done.returncode == 13
        assert "nearly full" in done.stderr
        assert calls(bedrock) == before


WRITES = "pwrite64,write"
FLUSHES = "fsync,fdatasync"
ERRORS = [
    ("out/journal.sqlite", WRITES, 40),
    ("out/journal.sqlite", WRITES, 400),
    ("out/journal.sqlite", FLUSHES, 5),
    ("out/journal.sqlite", FLUSHES, 25),
    ("out/journal.sqlite", "pread64", 60),
    ("out/journal.sqlite-journal", WRITES, 40),
    ("out/journal.sqlite-journal", FLUSHES, 20),
    ("out/journal.sqlite-journal", "unlink", 15),
    ("out", FLUSHES, 15),
    ("out/.results.jsonl.tmp", WRITES, 1),
    ("out/.results.jsonl.tmp", FLUSHES, 1),
    ("out/.results.jsonl.tmp", "rename,renameat,renameat2", 1),
    ("out/.summary.json.tmp", FLUSHES, 1),
]
"""File, system calls, and the number of the first one that fails; from then on all do."""
CACHE_ERRORS = [
    ("cache/cache.db-wal", WRITES, 100),
    ("cache/cache.db-wal", "pread64", 8),
    ("cache/cache.db", WRITES, 6),
    ("cache/cache.db", FLUSHES, 3),
]
KINDS = ["EIO", "ENOSPC"] if FULL else ["EIO"]


@pytest.fixture
def place(tmp_path, bedrock):
    place = Workplace(tmp_path, bedrock.url)
    place.sections(1, f"{tmp_path.name}.md", 1000)
    assert place.run(output="warm-up").returncode == 0  # opening a new cache writes more
    place.sections(SECTIONS, f"{tmp_path.name}.md")
    return place


def inject(place: Workplace, path: str, call: str, number: int, error: str) -> "subprocess.CompletedProcess[str]":
    """A run in which these system calls on a file fail from the `number`th on."""
    trace = place.folder / "trace"
    strace = [
        "strace", "-f", "--seccomp-bpf", "-o", str(trace), "-P", str(place.folder / path), "-P", path,
        "-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={number}+",
    ]  # fmt: skip
    done = subprocess.run(
        [*strace, *place.command("--concurrency", "16")],
        cwd=place.folder, env=place.env(), capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip
    need("PTRACE" not in done.stderr, "ptrace")
    assert "(INJECTED)" in trace.read_text()
    return done


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("path", "call", "number"), ERRORS)
@pytest.mark.parametrize("error", KINDS)
def test_an_error_of_the_journal_or_the_results_loses_no_answer(place, bedrock, path, call, number, error):
    need_root("strace")
    before = calls(bedrock)
    done = inject(place, path, call, number, error)
    assert done.returncode == 13, done.stderr
    assert ("free some space" in done.stderr) is (error == "ENOSPC")
    again = place.run("--no-cache")
    assert again.returncode == 0, again.stderr
    assert calls(bedrock) - before == SECTIONS
    assert [row["status"] for row in place.results()] == ["ok"] * SECTIONS


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("path", "call", "number"), CACHE_ERRORS)
@pytest.mark.parametrize("error", KINDS)
def test_an_error_of_the_cache_does_not_end_the_run(place, bedrock, path, call, number, error):
    need_root("strace")
    before = calls(bedrock)
    done = inject(place, path, call, number, error)
    assert done.returncode == 0, done.stderr
    assert calls(bedrock) - before == SECTIONS
