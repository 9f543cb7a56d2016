"""One byte flipped in each of 1,000 stored answers: `verify` finds every one."""

import contextlib
import random
import re
import sqlite3
import subprocess

import pytest
from running import Workplace, emulator

pytestmark = pytest.mark.xdist_group("flipped bytes")

ANSWERS = 1000

WITHOUT_CHECKSUMS = """
import jobs.requests.answer, jobs.results.verification as verification
def intact(raw, checksum):
    try:
        return bool(jobs.requests.answer.parse(raw))
    except ValueError:
        return False
verification._intact = intact
"""
"""Whatever can be parsed is intact."""


@pytest.fixture(scope="module")
def damaged(tmp_path_factory):
    """A directory with a damaged copy of every answer."""
    with emulator() as bedrock:
        place = Workplace(tmp_path_factory.mktemp("place"), bedrock.url)
        place.sections(ANSWERS)
        done = place.run("--concurrency", "64", "--no-cache")
        assert done.returncode == 0, done.stderr
    generator = random.Random(1)
    with contextlib.closing(sqlite3.connect(place.out / "journal.sqlite")) as journal, journal:
        for unit, raw in journal.execute("SELECT unit, raw FROM answers").fetchall():
            flipped = bytearray(raw)
            flipped[generator.randrange(len(raw))] ^= 1 << generator.randrange(8)
            journal.execute("UPDATE answers SET raw = ? WHERE unit = ?", (bytes(flipped), unit))
    return place


def found(place: Workplace, preparation: str = "") -> int:
    """Damaged answers that `verify` finds; its exit code is 13 if there are any."""
    code = f"{preparation}\nimport sys\nfrom cli.commands import verify\nverify.MAX_SHOWN = 10**6\n"
    program = f"{code}from cli.app import main\nsys.exit(main(['verify', 'out']))"
    command = [place.command()[0].replace("bedrock-batch", "python"), "-P", "-c", program]
    done = subprocess.run(command, cwd=place.folder, env=place.env(), capture_output=True, text=True)
    assert done.returncode == 13, done.stderr
    return len(re.findall(r"^answer [0-9a-f]{64}: it is damaged", done.stdout, re.MULTILINE))


def test_verify_finds_every_flipped_byte(damaged):
    assert found(damaged) == ANSWERS


def test_without_checksums_it_does_not(damaged):
    assert found(damaged, WITHOUT_CHECKSUMS) < ANSWERS
