"""The journal's file: creates, checks, migrates and opens it.

Rollback journal (DELETE) with synchronous=EXTRA: no commit is lost in a power cut. WAL can corrupt a database in SQLite
before 3.51.3.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from importlib.resources import files
from pathlib import Path
from typing import TypeVar

from jobs.errors import ConfigurationError, JournalError, storage_error
from jobs.record import migration
from jobs.record.protocol import Status

SCHEMA_VERSION = 2
APPLICATION_ID = 0x62726274
"""`brbt` in SQLite's header marks the file as a journal of bedrock-batch."""
BUSY_TIMEOUT = 60.0
"""Seconds to wait for another program that reads the journal; giving up would lose the calls in flight."""

UNDECODABLE = (UnicodeDecodeError, json.JSONDecodeError, OverflowError)
"""What values of a damaged journal raise; also its schema, in SQLite's own messages."""

T = TypeVar("T")


def open_for_writing(path: Path) -> tuple[sqlite3.Connection, Path | None]:
    """Open, create or migrate the journal; returns its connection, and the backup of one that was migrated.

    A new file has mode 0600. The caller holds the output lock.

    Raises:
        JournalError: the file is damaged, is missing beside results, or belongs to another program or a newer version.
        sqlite3.Error, OSError: it cannot be opened or written.
    """
    if not path.exists() or not path.stat().st_size:
        _refuse_if_lost(path)
    path.touch(mode=0o600)
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=BUSY_TIMEOUT)
    return db, _checked(path, db, lambda: _prepare(path, db))


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open a journal that a run may be writing. Keep transactions short: they delay the run's commits.

    Raises:
        ConfigurationError: there is no journal.
        JournalError: as for `open_for_writing`; one of an older version is not migrated.
        sqlite3.Error, OSError: it cannot be opened.
    """
    if not path.exists():
        raise ConfigurationError(f"there is no journal in {path.parent}", "name the --output directory of a run")
    # Not read-only: SQLite undoes the last transaction of a killed run before it reads.
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=BUSY_TIMEOUT)

    def prepare() -> None:
        db.execute("PRAGMA query_only = ON")
        if _version(path, db) < SCHEMA_VERSION:
            hint = "run `analyze` on this directory: it migrates the journal and leaves a backup"
            raise JournalError(f"{path} was written by an older version of bedrock-batch", hint)
        _check(db)

    _checked(path, db, prepare)
    return db


@contextmanager
def naming_damage(path: Path) -> Iterator[None]:
    """Errors of SQLite, and values that cannot be decoded, become errors of this journal.

    Raises:
        JournalError: the journal is damaged.
        StorageError: SQLite cannot read or write it for another reason.
    """
    try:
        yield
    except UNDECODABLE as error:
        raise _damaged(path, error) from error
    except sqlite3.Error as error:
        raise storage_error(str(path), error) from error


def _damaged(path: Path, error: BaseException) -> JournalError:
    return JournalError(
        f"{path} is damaged ({error}); it is the only record of the answers and their cost",
        "restore it from a backup, or move it away to start over (answers in the cache are not paid for again)",
    )


def _checked(path: Path, db: sqlite3.Connection, prepare: Callable[[], T]) -> T:
    """The value of `prepare`; if it fails, the connection is closed, and damage is told from other errors."""
    try:
        return prepare()
    except BaseException as error:
        db.close()
        damage = isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError)
        if damage or isinstance(error, UNDECODABLE):
            raise _damaged(path, error) from error
        raise


def _prepare(path: Path, db: sqlite3.Connection) -> Path | None:
    db.execute("PRAGMA journal_mode = DELETE")
    db.execute("PRAGMA synchronous = EXTRA")
    schema, backup = _schema(), None
    (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if not tables:
        db.executescript(
            f"BEGIN IMMEDIATE; {schema} PRAGMA application_id = {APPLICATION_ID};"
            f"PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
        )
    elif _version(path, db) == 1:
        backup = migration.back_up(db, path)
        db.execute("BEGIN IMMEDIATE")
        migration.migrate(db, schema)
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        db.execute("COMMIT")
    _check(db)
    return backup


def _version(path: Path, db: sqlite3.Connection) -> int:
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID:
        raise JournalError(f"{path} is not a journal of bedrock-batch", "choose another --output")
    if version > SCHEMA_VERSION:
        raise JournalError(f"{path} was written by a newer version of bedrock-batch", "upgrade bedrock-batch")
    return int(version)


def _schema() -> str:
    return files("jobs.record").joinpath("schema.sql").read_text()


def _check(db: sqlite3.Connection) -> None:
    """Find damage that SQLite does not know of before the first call: each call needs all columns.

    Raises:
        sqlite3.DatabaseError: a column is missing, or a unit has an unknown status.
    """
    with closing(sqlite3.connect(":memory:")) as expected:
        expected.executescript(_schema())
        missing = set(expected.execute(_COLUMNS)) - set(db.execute(_COLUMNS))
    if missing:
        raise sqlite3.DatabaseError(f"no column {'.'.join(min(missing))}")
    known = f"({','.join('?' * len(Status))})"
    unknown = db.execute(f"SELECT status FROM units WHERE status NOT IN {known} LIMIT 1", [*Status]).fetchone()  # noqa: S608 (question marks only)
    if unknown:
        raise sqlite3.DatabaseError(f"a unit has the status {unknown[0]!r:.40}")


_COLUMNS = """
SELECT t.name, c.name FROM sqlite_master t, pragma_table_info(t.name) c WHERE t.type IN ('table', 'view')
"""


def _refuse_if_lost(path: Path) -> None:
    """Refuse to start a new journal where an earlier one is missing: every answer would be paid for again."""
    if path.is_symlink():
        lost = "a link to a file that is missing or empty"
    elif any(path.with_name(name).exists() for name in ("results.jsonl", "documents.jsonl")) or _had_sections(path):
        lost = "missing or empty, but there are results"
    else:
        return
    hint = "restore it from a backup; to pay for all answers again, choose another --output"
    raise JournalError(f"{path} is {lost}", hint)


def _had_sections(path: Path) -> bool:
    """Whether summary.json tells of sections: a run that failed before it opened its journal leaves one as well."""
    try:
        summary = json.loads(path.with_name("summary.json").read_bytes())
    except FileNotFoundError:
        return False
    except ValueError:
        return True
    return not isinstance(summary, dict) or bool(summary.get("sections"))
