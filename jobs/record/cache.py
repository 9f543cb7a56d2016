"""Answers of earlier runs, shared between output directories. The cache may be deleted at any time.

diskcache with unsafe defaults off: it evicts silently at 1 GiB, keeps large values in files that a power cut empties,
unpickles rows, reads and deletes files named by a row, and runs statements from its table of settings. Here every value
is text in the database with its checksum. Any other row is an error and is never opened (CVE-2025-69872 needs such a
row), no file is deleted, and settings that are stored in the database are dropped.
"""

import contextlib
import errno
import hashlib
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import diskcache

from jobs.errors import describe
from jobs.requests.answer import Answer, NotAnAnswer, parse

RAW: Final = 1
"""diskcache's mode for a value stored as it is."""
BUSY_TIMEOUT = 5.0
"""Seconds to wait for another process's transaction; the record waits too, so it is short."""
SHA256_HEX = 64
_DATABASE: Final = diskcache.core.DBNAME
_SCHEMA = frozenset({
    "Cache", "Settings", "Settings_count_insert", "Settings_count_delete",
    "Settings_size_insert", "Settings_size_update", "Settings_size_delete",
})  # fmt: skip
"""Tables and triggers that diskcache creates."""
_COLUMNS = frozenset({
    "rowid", "key", "raw", "store_time", "expire_time", "access_time", "access_count", "tag", "size", "mode",
    "filename", "value",
})  # fmt: skip
PAGES = 2000
"""Database pages in memory (8 MB). diskcache's default of 64 MB mapped and 32 MB cached does not help here."""
BATCH = 128
"""Answers written in one transaction, which halves the work. A killed run loses at most these; its journal has them."""
LARGE_BYTES = 1 << 20
"""A larger answer does not wait for the rest of its batch in memory."""


class _TextOnly(diskcache.Disk):  # type: ignore[misc]
    """Stores str keys and values in the database's columns and rejects everything else."""

    def put(self, key: str) -> tuple[str, bool]:
        return key, True

    def get(self, key: Any, raw: bool) -> str:
        return _text(key, RAW if raw else 0)

    def store(self, value: str, read: bool, key: Any = diskcache.UNKNOWN) -> tuple[int, int, None, str]:
        return len(value), RAW, None, value

    def fetch(self, mode: int, filename: str | None, value: Any, read: bool) -> str:
        return _text(value, mode if filename is None else 0)

    def remove(self, file_path: str) -> None:
        """Called where a row that names a file is overwritten or deleted; we write no such row."""


def _text(value: object, mode: int) -> str:
    if mode != RAW or not isinstance(value, str):
        raise ValueError("a cache row is not plain text; it was not opened")
    return value


class Cache:
    """Answers by key, for use from one thread. A damaged database is moved aside and replaced by an empty one.

    An error of the disk or the database turns it off: it finds and keeps nothing any more, and `failure` says why.
    """

    def __init__(self, directory: Path) -> None:
        """Open or create the cache.

        Raises:
            OSError: the directory cannot be used.
        """
        if os.path.expandvars(directory) != str(directory):  # diskcache would use another directory
            raise OSError(errno.EINVAL, f"the name of the directory {directory} holds a $VARIABLE")
        self.directory = directory
        self._pending: list[tuple[bytes, Answer]] = []
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.set_aside: Path | None = None
        """Where a damaged database was moved to; None if there was none."""
        self.failure: str | None = None
        try:
            self._cache = _open(directory)
        except sqlite3.OperationalError as error:  # locked or no space: the content is fine
            raise OSError(errno.EIO, str(error)) from error
        except (sqlite3.DatabaseError, ValueError):
            self.set_aside = _set_aside(directory)
            self._cache = _open(directory)

    @contextlib.contextmanager
    def _in_use(self) -> Iterator[None]:
        try:
            yield
        except diskcache.Timeout:
            self.failure = "another process holds it"
        except (sqlite3.Error, OSError) as error:
            self.failure = describe(error)[0]

    def find(self, keys: Sequence[bytes]) -> dict[bytes, Answer]:
        """The answers to those of the keys that it has; a damaged answer counts as missing."""
        self._write()
        found: dict[bytes, Answer] = {}
        if self.failure is not None:
            return found
        with self._in_use():
            for key in keys:
                with contextlib.suppress(ValueError, NotAnAnswer):
                    value = self._cache.get(key.hex())
                    if value is not None:
                        found[key] = _unpack(value)
        return found

    def stored_at(self, key: bytes) -> float | None:
        """When an entry was written (Unix time); None without one."""
        with self._in_use():
            rows = self._cache._sql("SELECT store_time FROM Cache WHERE key = ?", (key.hex(),)).fetchall()  # noqa: SLF001
            return float(rows[0][0]) if rows else None
        return None

    def keep(self, key: bytes, answer: Answer) -> None:
        """Store a complete answer, batched."""
        self._pending.append((key, answer))
        if len(self._pending) >= BATCH or len(answer.raw) > LARGE_BYTES:
            self._write()

    def _write(self) -> None:
        if self._pending and self.failure is None:
            with self._in_use(), self._cache.transact():
                for key, answer in self._pending:
                    with contextlib.suppress(UnicodeDecodeError):
                        self._cache.set(key.hex(), answer.sha256.hex() + answer.raw.decode())
        self._pending.clear()

    def stats(self) -> tuple[int, int]:
        """Number of entries, and bytes on disk."""
        self._write()
        return len(self._cache), self._cache.volume()

    def clear(self) -> int:
        """Remove all entries; returns their number."""
        return int(self._cache.clear())

    def count_older(self, than: float) -> int:
        """Entries written more than this many seconds ago."""
        return sum(1 for _ in self._stale(time.time() - than))

    def prune(self, older_than: float) -> int:
        """Remove entries older than this many seconds; returns their number."""
        return sum(self._cache.delete(key) for key in list(self._stale(time.time() - older_than)))

    def _stale(self, before: float) -> Iterator[str]:
        for (key,) in self._cache._sql("SELECT key FROM Cache WHERE store_time < ?", (before,)):  # noqa: SLF001
            yield key

    def close(self) -> None:
        """Write pending answers and close the database."""
        self._write()
        with self._in_use():
            self._cache.close()


def _open(directory: Path) -> diskcache.Cache:
    database = directory / _DATABASE
    # SQLite gives its side files the mode of the database.
    database.touch(mode=0o600)
    # Checked here: diskcache leaks its connection to a broken database.
    with contextlib.closing(sqlite3.connect(database, timeout=BUSY_TIMEOUT)) as connection:
        _check(connection, database)
    return diskcache.Cache(
        str(directory.absolute()),  # diskcache expands a ~ at its start
        timeout=BUSY_TIMEOUT,
        disk=_TextOnly,
        eviction_policy="none",
        cull_limit=0,
        size_limit=1 << 62,
        disk_min_file_size=1 << 62,
        sqlite_mmap_size=0,
        sqlite_cache_size=PAGES,
    )


def _check(connection: sqlite3.Connection, database: Path) -> None:
    """Prepare a database for diskcache, which trusts all that it finds there.

    Raises:
        ValueError: its tables are not those of a cache.
        OSError: it belongs to another program.
    """
    names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type <> 'index'")}
    if names and names.isdisjoint(_SCHEMA):
        raise OSError(errno.EEXIST, f"{database} belongs to another program")
    columns = {name for (name,) in connection.execute("SELECT name FROM pragma_table_info('Cache')")}
    if not names <= _SCHEMA or columns not in (set(), _COLUMNS):
        raise ValueError("unexpected tables")
    if "Settings" in names:
        with connection:
            connection.execute("DELETE FROM Settings WHERE key NOT IN ('count', 'size', 'hits', 'misses')")
            connection.execute("UPDATE Settings SET value = CAST(value AS INTEGER) WHERE typeof(value) <> 'integer'")


def _set_aside(directory: Path) -> Path:
    """Rename the database and its side files; nothing else in the directory is ours."""
    suffix = f".broken-{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}"
    for path in directory.glob(f"{_DATABASE}*"):
        if path.name.removeprefix(_DATABASE) in ("", "-wal", "-shm", "-journal"):
            path.rename(path.with_name(f"{path.name}{suffix}"))
    return directory / f"{_DATABASE}{suffix}"


def _unpack(value: str) -> Answer:
    checksum, raw = value[:SHA256_HEX], value[SHA256_HEX:].encode()
    if hashlib.sha256(raw).hexdigest() != checksum:
        raise ValueError("checksum")
    return parse(raw)
