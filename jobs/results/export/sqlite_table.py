"""A SQLite database with a table `results`."""

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from jobs.results.export.columns import COLUMNS, flat

_TYPES = {str: "TEXT", int: "INTEGER", float: "REAL"}


def write_sqlite(rows: Iterable[Mapping[str, Any]], path: Path) -> None:
    """One table with the columns of the CSV; `path` is a new file."""
    columns = ", ".join(f"{name} {_TYPES[type_]}" for name, type_ in COLUMNS.items())
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(f"CREATE TABLE results ({columns})")
        db.executemany(
            f"INSERT INTO results VALUES ({','.join('?' * len(COLUMNS))})",  # noqa: S608 (question marks only)
            (tuple(flat(row).values()) for row in rows),
        )
