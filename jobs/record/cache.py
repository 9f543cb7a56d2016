"""Answers of earlier runs, shared between output directories: an accelerator that may be deleted at any moment.

diskcache, with what it does by default turned off: it evicts silently at 1 GiB, keeps large values in files that a
power cut empties, unpickles rows, and opens files that a row names. Here values are text kept inside the database,
each with its checksum, and a row of any other kind is an error, never opened (CVE-2025-69872 needs such a row).
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

from jobs.requests.answer import Answer, NotAnAnswer, parse

RAW: Final = 1
"""diskcache's storage mode for a value that the database holds as it is."""
TIMEOUT = 5.0
"""Seconds that one process waits for another's transaction: the record waits with it, and the cache is only a help."""
SHA256_HEX = 64
PAGES = 2000
"""Pages of the database in memory (8 MB): diskcache maps 64 MB and caches 32 more, which no run has use for."""
TOGETHER = 128
"""Answers written in one transaction: half the work of as many single ones. A killed run loses them here, and has them
in its journal."""


class _TextOnly(diskcache.Disk):  # type: ignore[misc]
    """Keeps str keys and values in the database's own columns, and refuses everything else."""

    def put(self, key: str) -> tuple[str, bool]:
        return key, True

    def get(self, key: Any, raw: bool) -> str:
        return _text(key, RAW if raw else 0)

    def store(self, value: str, read: bool, key: Any = diskcache.UNKNOWN) -> tuple[int, int, None, str]:
        return len(value), RAW, None, value

    def fetch(self, mode: int, filename: str | None, value: Any, read: bool) -> str:
        return _text(value, mode if filename is None else 0)


def _text(value: object, mode: int) -> str:
    if mode != RAW or not isinstance(value, str):
        raise ValueError("a cache row is not plain text; it was not opened")
    return value


class Cache:
    """Answers by key. Use it from one thread; a broken database is set aside and begun anew."""

    def __init__(self, directory: Path) -> None:
        """Open or create the cache.

        Raises:
            OSError: the directory cannot be used.
        """
        self.directory = directory
        self._kept: list[tuple[bytes, Answer]] = []
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.set_aside: Path | None = None
        """Where a broken database was moved."""
        try:
            self._cache = _open(directory)
        except sqlite3.OperationalError as error:  # locked, or no space: nothing is wrong with what is in it
            raise OSError(errno.EIO, str(error)) from error
        except (sqlite3.DatabaseError, ValueError):
            now = time.strftime("%Y%m%dT%H%M%S")
            self.set_aside = directory.with_name(f"{directory.name}.broken-{now}-{os.getpid()}")
            directory.rename(self.set_aside)
            directory.mkdir(mode=0o700)
            self._cache = _open(directory)

    def find(self, keys: Sequence[bytes]) -> dict[bytes, Answer]:
        """The answers to these keys that are here and whole; a damaged one counts as missing."""
        self._write()
        found = {}
        for key in keys:
            with contextlib.suppress(sqlite3.Error, ValueError, NotAnAnswer):
                value = self._cache.get(key.hex())
                if value is not None:
                    found[key] = _unpack(value)
        return found

    def keep(self, key: bytes, answer: Answer) -> None:
        """Remember a complete answer, with the next few in one transaction; one that cannot be written is no error."""
        self._kept.append((key, answer))
        if len(self._kept) >= TOGETHER:
            self._write()

    def _write(self) -> None:
        if not self._kept:
            return
        with contextlib.suppress(sqlite3.Error, diskcache.Timeout), self._cache.transact():
            for key, answer in self._kept:
                with contextlib.suppress(UnicodeDecodeError):
                    self._cache.set(key.hex(), answer.sha256.hex() + answer.raw.decode())
        self._kept.clear()

    def stats(self) -> tuple[int, int]:
        """Entries, and bytes on the disk."""
        self._write()
        return len(self._cache), self._cache.volume()

    def clear(self) -> int:
        """Remove every entry; returns how many."""
        return int(self._cache.clear())

    def count_older(self, than: float) -> int:
        """Entries written more than this many seconds ago."""
        return sum(1 for _ in self._stale(time.time() - than))

    def prune(self, older_than: float) -> int:
        """Remove entries written more than this many seconds ago; returns how many."""
        return sum(self._cache.delete(key) for key in list(self._stale(time.time() - older_than)))

    def _stale(self, before: float) -> Iterator[str]:
        for (key,) in self._cache._sql("SELECT key FROM Cache WHERE store_time < ?", (before,)):  # noqa: SLF001
            yield key

    def close(self) -> None:
        """Write what is still kept, and let go of the database."""
        self._write()
        self._cache.close()


def _open(directory: Path) -> diskcache.Cache:
    database = directory / "cache.db"
    # SQLite gives its side files the mode of the database.
    database.touch(mode=0o600)
    # Asked here, as diskcache would leave the connection to a broken one open.
    with contextlib.closing(sqlite3.connect(database, timeout=TIMEOUT)) as connection:
        connection.execute("SELECT count(*) FROM sqlite_master")
    return diskcache.Cache(
        str(directory),
        timeout=TIMEOUT,
        disk=_TextOnly,
        eviction_policy="none",
        cull_limit=0,
        size_limit=1 << 62,
        disk_min_file_size=1 << 62,
        sqlite_mmap_size=0,
        sqlite_cache_size=PAGES,
    )


def _unpack(value: str) -> Answer:
    checksum, raw = value[:SHA256_HEX], value[SHA256_HEX:].encode()
    if hashlib.sha256(raw).hexdigest() != checksum:
        raise ValueError("checksum")
    return parse(raw)
