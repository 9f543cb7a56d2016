"""The second path of an answer: where the journal fails, a file takes it, and the next run reads it into the journal.

One file per run and place, one line per attempt: the SHA-256 of the JSON behind it, a space, the JSON.
"""

import contextlib
import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from jobs.record.journal import Journal
from jobs.record.protocol import Status
from jobs.requests.answer import parse
from jobs.requests.reply import Reply
from ratelimit.outcome import Outcome

SUFFIX = ".spool"


class ClosedAttempt(NamedTuple):
    """The arguments of Record.close, with the attempt's run and the key of its unit."""

    run_id: str
    attempt: int
    key: bytes
    reply: Reply
    status: Status
    cost_usd: float | None
    permanent: bool


class Recovered(NamedTuple):
    """What became of the lines of a spool file."""

    recorded: int
    """In the journal now."""
    known: int
    """Were in the journal already: the commit that failed had been written."""
    refused: int
    """Damaged or unreadable, or of an attempt that is not open in this journal."""


class Spool:
    """Writes the attempts of one run to the first place that takes them."""

    def __init__(self, output: Path, state: Path, run_id: str) -> None:
        """The places: the output directory, `state`, the system's directory for temporary files."""
        self.run_id = run_id
        name = f"{_prefix(output)}{run_id}{SUFFIX}"
        self._state = state
        self._places = [directory / name for directory in (output, *_elsewhere(state))]
        self.paths: list[Path] = []
        """Files that hold attempts."""
        self.saved = self.lost = 0
        """Attempts written, and those that no place took."""

    def save(self, attempts: Sequence[ClosedAttempt]) -> None:
        """Write the attempts durably; a place that fails is not tried again."""
        lines = "".join(map(_line, attempts)).encode()
        while self._places:
            path = self._places[0]
            with contextlib.suppress(OSError):
                if path.parent == self._state:
                    self._state.mkdir(mode=0o700, parents=True, exist_ok=True)
                _append(path, lines, new=path not in self.paths)
                self.paths += [] if path in self.paths else [path]
                self.saved += len(attempts)
                return
            del self._places[0]
        self.lost += len(attempts)

    def outcome(self) -> str:
        """What became of the attempts, as a message; empty if there were none."""
        text = f"calls in flight: {self.saved} saved in {' and '.join(map(str, self.paths))}" if self.saved else ""
        lost = f"calls whose answer could not be saved: {self.lost}" if self.lost else ""
        return "; ".join(part for part in (text, lost) if part)


def find(output: Path, state: Path) -> list[Path]:
    """The spool files of earlier runs for this output directory."""
    elsewhere = f"{_prefix(output)}*{SUFFIX}"
    found = [*output.glob(f"answers-*{SUFFIX}")]
    for directory in _elsewhere(state):
        found += directory.glob(elsewhere)
    return sorted(path for path in found if _is_own(path.lstat()))


def recover(journal: Journal, path: Path) -> Recovered:
    """Close the attempts of a spool file in the journal, in the current transaction, before its next run begins."""
    counts = {"recorded": 0, "known": 0, "refused": 0}
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:  # noqa: PTH123
            for line in file:
                counts[_record(journal, line)] += 1
    except OSError:
        counts["refused"] += 1
    journal.run = 0
    return Recovered(**counts)


def _is_own(status: os.stat_result) -> bool:
    """Whether it is a file of this user: anyone can put files into a directory for temporary files."""
    return stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid()


def _record(journal: Journal, line: bytes) -> str:
    try:
        attempt = _parse(line)
    except (ValueError, TypeError, LookupError, RecursionError):
        return "refused"
    row = journal.db.execute(
        "SELECT r.id, a.outcome FROM attempts a JOIN units u ON u.id = a.unit JOIN runs r ON r.id = a.run"
        " WHERE a.id = ? AND u.key = ? AND r.run_id = ?",
        (attempt.attempt, attempt.key, attempt.run_id),
    ).fetchone()
    if row is None or row[1] not in (None, attempt.reply.outcome):
        return "refused"
    if row[1] is not None:
        return "known"
    journal.act_for(row[0])  # it is an answer of the run that called
    journal.close_attempt(
        attempt.attempt, attempt.reply, attempt.status, cost_usd=attempt.cost_usd, permanent=attempt.permanent
    )
    return "recorded"


def _elsewhere(state: Path) -> list[Path]:
    """Directories outside the output."""
    try:
        return [state, Path(tempfile.gettempdir())]
    except FileNotFoundError:  # no directory for temporary files can be written
        return [state]


def _prefix(output: Path) -> str:
    """The start of the names of an output directory's spool files."""
    return f"answers-{hashlib.sha256(os.fsencode(output.absolute())).hexdigest()[:16]}-"


def _line(attempt: ClosedAttempt) -> str:
    reply = attempt.reply
    values = {
        "run_id": attempt.run_id,
        "attempt": attempt.attempt,
        "key": attempt.key.hex(),
        "status": attempt.status,
        "cost_usd": attempt.cost_usd,
        "permanent": attempt.permanent,
        "outcome": reply.outcome,
        "sent": reply.sent,
        "latency": reply.latency,
        "code": reply.code,
        "message": reply.message,
        "request_id": reply.request_id,
        "raw": reply.answer.raw.decode() if reply.answer else None,  # an answer is JSON in UTF-8
    }
    text = json.dumps(values)
    return f"{hashlib.sha256(text.encode()).hexdigest()} {text}\n"


def _parse(line: bytes) -> ClosedAttempt:
    """Raises ValueError, TypeError or LookupError if the line is damaged."""
    checksum, _, text = line.rstrip(b"\n").partition(b" ")
    if hashlib.sha256(text).hexdigest().encode() != checksum:
        raise ValueError("checksum")
    values = json.loads(text)
    raw = values["raw"]
    reply = Reply(
        Outcome(values["outcome"]),
        values["latency"],
        None if raw is None else parse(raw.encode()),
        values["code"],
        values["message"],
        request_id=values["request_id"],
        sent=values["sent"],
    )
    key, status = bytes.fromhex(values["key"]), Status(values["status"])
    return ClosedAttempt(
        values["run_id"], values["attempt"], key, reply, status, values["cost_usd"], values["permanent"]
    )


def _append(path: Path, data: bytes, *, new: bool) -> None:
    """Append durably, or raise OSError and leave the file as it was. Only a file of this run is appended to."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | (os.O_CREAT | os.O_EXCL if new else 0)
    handle = os.open(path, flags, 0o600)
    try:
        size = os.fstat(handle).st_size
        try:
            while data:
                data = data[os.write(handle, data) :]
            os.fsync(handle)
            _sync_directory(path.parent)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(handle, size)
                if new:
                    path.unlink()
            raise
    finally:
        os.close(handle)


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
