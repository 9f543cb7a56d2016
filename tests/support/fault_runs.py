"""What the fault suite shares: its size, what it needs of the machine, and the audit of a run against the ledger."""

import contextlib
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from running import EmulatorProcess, Workplace

FULL = os.environ.get("FAULTS") == "full"
"""Whether the suite runs at the size of its promises; otherwise it takes a few minutes."""

NOT_COMPARED = ("attempts", "cost_usd", "latency_s", "run_id", "answered_at")
"""What differs between two runs with the same answers."""


def size(small: int, full: int) -> int:
    """How often to try."""
    return full if FULL else small


def need(available: bool, what: str) -> None:
    """Skip the test where this machine lacks something; with CI=1 that is a failure."""
    if not available:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"this test needs {what}")


def need_root(*commands: str) -> None:
    need(os.geteuid() == 0, "root")
    for command in commands:
        need(shutil.which(command) is not None, command)


@contextlib.contextmanager
def mounted(path: Path, *arguments: str) -> Iterator[None]:
    """A file system at a new folder; `arguments` of mount(8)."""
    path.mkdir()
    done = subprocess.run(["mount", *arguments, str(path)], capture_output=True, text=True)
    need(done.returncode == 0, f"to mount a file system ({done.stderr.strip()})")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


def journal(output: Path) -> sqlite3.Connection:
    """The journal as a copy, as it stands: reading the original would roll back an interrupted transaction."""
    copy = output.with_name(f"{output.name}-copy")
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    for path in output.glob("journal.sqlite*"):
        shutil.copy(path, copy)
    return sqlite3.connect(copy / "journal.sqlite")


def audit(place: Workplace, bedrock: EmulatorProcess, sections: int, output: str = "out") -> None:
    """Hold a directory whose work is complete against the ledger of its calls.

    Every call that was billed is in the journal, with its answer or as unknown; what was paid for twice is reported;
    `verify` finds nothing; every section is answered.
    """
    calls = [entry["metadata"]["attempt"] for entry in bedrock.ledger() if entry["charged"]]
    with contextlib.closing(journal(place.folder / output)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        rows = db.execute("SELECT run_id || '-' || a.id, outcome FROM attempts a JOIN runs r ON r.id = a.run")
        outcomes = dict(rows.fetchall())
    assert {call: outcomes.get(call) for call in calls if outcomes.get(call) not in ("ok", "unknown")} == {}
    lost = [call for call in calls if outcomes[call] == "unknown"]
    summary = place.summary(output)
    assert len(calls) - sections <= min(len(lost), summary["maybe_paid_twice"])
    assert [row["status"] for row in place.results(output)] == ["ok"] * sections
    done = subprocess.run(
        [place.command()[0], "verify", output], cwd=place.folder, env=place.env(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def comparable(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of results.jsonl without what differs between two runs."""
    return [{name: value for name, value in row.items() if name not in NOT_COMPARED} for row in rows]
