"""A power cut: an acknowledged answer is on the disk, not in a cache of the system.

The output directory is on an ext4 image. When enough answers are acknowledged, the process is killed and the image is
copied: the copy has what had reached the disk, as the next flush of the file system itself (commit=300) is far away.
"""

import contextlib
import shutil
import sqlite3
import subprocess

from fault_runs import mounted, need_root
from running import Workplace, emulator

ACKNOWLEDGED = 500

REPORT = """
import os
from jobs.record.record_writer import RecordWriter
close = RecordWriter.close
def reporting(self, attempt, reply, *args, **kwargs):
    closed = close(self, attempt, reply, *args, **kwargs)
    if reply.answer:
        closed.add_done_callback(lambda closed: os.write(1, f"{attempt}\\n".encode()))
    return closed
RecordWriter.close = reporting
"""
"""Print the number of each attempt whose answer is acknowledged as recorded."""

WITHOUT_FLUSHES = """
import sqlite3
connect = sqlite3.connect
class Connection(sqlite3.Connection):
    def execute(self, statement, *args):
        return super().execute("PRAGMA synchronous = OFF" if "synchronous" in statement else statement, *args)
sqlite3.connect = lambda *args, **kwargs: connect(*args, factory=Connection, **kwargs)
"""


def lost(tmp_path, preparation: str = "") -> int:
    """Acknowledged answers that are not in the journal after a power cut."""
    need_root("mkfs.ext4", "mount")
    image, copy = tmp_path / "image", tmp_path / "copy"
    with image.open("wb") as file:
        file.truncate(64 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True)
    with emulator() as bedrock, mounted(tmp_path / "disk", "-o", "loop,commit=300", str(image)):
        place = Workplace(tmp_path, bedrock.url)
        place.sections(ACKNOWLEDGED * 3)
        running = place.start_prepared(
            REPORT + preparation, "--concurrency", "64", "--no-cache", "--grace", "1s", output="disk/out"
        )
        assert running.stdout
        acknowledged = [int(running.stdout.readline()) for _ in range(ACKNOWLEDGED)]
        running.kill()
        shutil.copyfile(image, copy)
        running.communicate()
    with mounted(tmp_path / "after", "-o", "loop", str(copy)):
        path = tmp_path / "after" / "out" / "journal.sqlite"
        if not path.exists() or not path.stat().st_size:
            return len(acknowledged)
        with contextlib.closing(sqlite3.connect(path)) as journal:
            if not journal.execute("SELECT 1 FROM sqlite_master").fetchone():
                return len(acknowledged)
            assert journal.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            kept = {attempt for (attempt,) in journal.execute("SELECT id FROM attempts WHERE outcome = 'ok'")}
    return len(set(acknowledged) - kept)


def test_no_acknowledged_answer_is_lost(tmp_path):
    assert lost(tmp_path) == 0


def test_without_flushes_answers_are_lost(tmp_path):
    assert lost(tmp_path, WITHOUT_FLUSHES) > 0
