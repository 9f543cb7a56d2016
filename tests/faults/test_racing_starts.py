"""Runs that start at once in one directory: one holds it, the others end with exit code 11."""

import time
from typing import TYPE_CHECKING

import pytest
from fault_runs import size
from running import Workplace, emulator, until

if TYPE_CHECKING:
    import subprocess

STARTS = 20
RACES = size(1, 10)
WITHOUT_LOCK = "import fcntl; fcntl.flock = lambda *_: None"


def end(runs: "list[subprocess.Popen[str]]") -> list[tuple[int, str]]:
    """Kill those that still run; exit codes and messages of all."""
    for run in runs:
        run.kill()
    return [(run.returncode, err) for run, (_, err) in [(run, run.communicate()) for run in runs]]


@pytest.fixture
def bedrock():
    with emulator(latency=30.0) as running:
        yield running


@pytest.fixture
def place(tmp_path, bedrock):
    place = Workplace(tmp_path, bedrock.url)
    place.sections(1)
    return place


@pytest.mark.timeout(1200)
def test_one_run_holds_the_directory(place, bedrock):
    for race in range(RACES):
        running = [place.start("--concurrency", "1") for _ in range(STARTS)]
        while sum(run.poll() is None for run in running) > 1:
            time.sleep(0.05)
        until(lambda number=race + 1: len(bedrock.ledger()) == number)
        codes = end(running)
        assert sorted(code for code, _ in codes) == [-9] + [11] * (STARTS - 1)
        assert all("another run holds" in err for code, err in codes if code == 11)


def test_without_the_lock_a_second_run_calls_as_well(place, bedrock):
    running = []
    for number in (1, 2):
        running.append(place.start_prepared(WITHOUT_LOCK))
        until(lambda number=number: len(bedrock.ledger()) == number)
    end(running)
