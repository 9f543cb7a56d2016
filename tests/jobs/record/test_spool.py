"""Attempts go to the first place that takes them, and only whole and fitting ones get into the journal."""

import errno
import os
from pathlib import Path

import pytest
from answers import answer

from jobs.record.journal import Journal, RunStart
from jobs.record.protocol import SectionEntry, Status
from jobs.record.spool import ClosedAttempt, Recovered, Spool, find, recover
from jobs.requests.reply import Reply
from ratelimit.outcome import Outcome

KEY = b"k" * 32
REPLY = Reply(Outcome.OK, 0.5, answer("Grüße,\u2028世界"), request_id="r-1")
FAILED = Reply(Outcome.TRANSIENT, 0.5, code="ConnectError", message="\ud800 refused", sent=False)


def closed(reply: Reply = REPLY, *, attempt: int = 1, key: bytes = KEY, run_id: str = "r1") -> ClosedAttempt:
    status = Status.OK if reply.answer else Status.NEW
    return ClosedAttempt(run_id, attempt, key, reply, status, 0.25, permanent=False)


@pytest.fixture
def output(tmp_path):
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


@pytest.fixture
def state(tmp_path, monkeypatch):
    """The other place; the last one, for temporary files, takes nothing."""
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "none"))
    return tmp_path / "state"


START = RunStart("r1", "2026-11-24T00:00:00Z", '{"endpoint":"aws","model":"model","prompt":"Summarize."}', "summarize")


@pytest.fixture
def spool(output, state):
    return Spool(output, state, "r1")


@pytest.fixture
def journal(output):
    journal = Journal(output / "journal.sqlite")
    journal.begin(START)
    document = journal.begin_document("a.md", 0)
    ((_, unit),) = journal.enroll(document, [SectionEntry("0" * 16, 0, (), "", KEY, "")], None)
    assert journal.open_attempt(unit, None) == 1
    journal.run = 0
    yield journal
    journal.close()


def read(journal: Journal, output: Path, state: Path) -> list[Recovered]:
    return [journal.transact([lambda journal, path=path: recover(journal, path)])[0] for path in find(output, state)]


def stored(journal: Journal) -> list[tuple[object, ...]]:
    return journal.db.execute("SELECT run, source, raw, cost_usd, latency FROM answers").fetchall()


def test_an_answer_gets_into_the_journal_unchanged_as_one_of_the_run_that_called(spool, journal, output, state):
    spool.save([closed()])
    assert read(journal, output, state) == [Recovered(1, 0, 0)]
    assert stored(journal) == [(1, "bedrock", REPLY.answer.raw, 0.25, 0.5)]
    assert journal.db.execute("SELECT status, attempts, closed FROM units").fetchall() == [("ok", 1, 1)]
    assert read(journal, output, state) == [Recovered(0, 1, 0)]


def test_a_call_without_an_answer_is_closed_as_well(spool, journal, output, state):
    spool.save([closed(FAILED)])
    assert read(journal, output, state) == [Recovered(1, 0, 0)]
    outcome = journal.db.execute("SELECT outcome, code, sent FROM attempts").fetchone()
    assert outcome == ("transient", "ConnectError", 0)


@pytest.mark.parametrize(
    "other", [closed(attempt=2), closed(key=b"x" * 32), closed(run_id="r2")], ids=["attempt", "key", "run"]
)
def test_an_attempt_of_another_journal_is_refused(spool, journal, output, state, other):
    spool.save([other])
    assert read(journal, output, state) == [Recovered(0, 0, 1)]
    assert stored(journal) == []


def test_an_attempt_that_a_later_run_gave_up_is_refused(spool, journal, output, state):
    spool.save([closed()])
    journal.begin(START._replace(run_id="r2"))
    assert read(journal, output, state) == [Recovered(0, 0, 1)]


def test_every_damaged_byte_is_noticed(spool, journal, output, state):
    spool.save([closed()])
    (path,) = spool.paths
    content = path.read_bytes()
    for position in range(0, len(content) - 1, 7):
        path.write_bytes(content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :])
        (recovered,) = read(journal, output, state)
        assert recovered.recorded == recovered.known == 0
        assert recovered.refused
    path.write_bytes(content)
    assert read(journal, output, state) == [Recovered(1, 0, 0)]


def test_files_are_private_and_every_batch_is_durable(spool, output, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.fstat(handle).st_ino))
    spool.save([closed()])
    spool.save([closed(attempt=2), closed(attempt=3)])
    (path,) = output.glob("*.spool")
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(path.read_bytes().splitlines()) == spool.saved == 3
    assert synced.count(path.stat().st_ino) == 2
    assert spool.outcome() == f"calls in flight: 3 saved in {path}"


def test_the_next_place_takes_what_a_full_disk_does_not(spool, journal, output, state, monkeypatch):
    spool.save([closed(attempt=9)])
    write = os.write

    def full(handle: int, data: bytes) -> int:
        if Path(f"/proc/self/fd/{handle}").readlink().parent == output:
            write(handle, data[:10])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(handle, data)

    monkeypatch.setattr(os, "write", full)
    spool.save([closed()])
    assert [path.parent for path in spool.paths] == [output, state]
    assert state.stat().st_mode & 0o777 == 0o700
    assert read(journal, output, state) == [Recovered(0, 0, 1), Recovered(1, 0, 0)]


def test_what_no_place_takes_is_counted(output, state):
    state.write_text("a file")
    output.rmdir()
    spool = Spool(output, state, "r1")
    spool.save([closed(), closed(attempt=2)])
    assert spool.outcome() == "calls whose answer could not be saved: 2"


def test_a_link_or_a_pipe_in_a_shared_directory_is_not_opened(spool, journal, output, state):
    spool.save([closed()])
    (path,) = spool.paths
    (output / "answers-link.spool").symlink_to(path)
    os.mkfifo(output / "answers-pipe.spool")
    assert find(output, state) == [path]


def test_elsewhere_only_the_files_of_this_output_directory_are_read(output, state, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    for directory in (output, other):
        spool = Spool(directory, state, "r1")
        del spool._places[0]
        spool.save([closed()])
    assert len(list(state.iterdir())) == 2
    assert len(find(output, state)) == 1
