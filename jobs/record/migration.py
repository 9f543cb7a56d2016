"""Migrates a journal of schema version 1, which had one set of documents and sections for all questions.

A run that asks the same question again adopts the migrated units (jobs.record.deduplication).
"""

import os
import sqlite3
from contextlib import closing
from importlib.resources import files
from pathlib import Path

_TABLES = ("runs", "documents", "units", "sections", "attempts", "answers")


def back_up(db: sqlite3.Connection, path: Path) -> Path:
    """Copy the database to a new file beside it, durably; returns the copy's path."""
    number = 1
    while (copy := path.with_name(f"{path.name}.version-1-{number}")).exists():
        number += 1
    copy.touch(mode=0o600)
    with closing(sqlite3.connect(copy)) as target:
        db.backup(target)
    for name in (copy, copy.parent):
        handle = os.open(name, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    return copy


def migrate(db: sqlite3.Connection, schema: str) -> None:
    """Rewrite the tables within the open transaction; `schema` has the statements of version 2."""
    execute = db.execute
    execute("DROP VIEW live")
    execute("PRAGMA legacy_alter_table = ON")  # renaming a table leaves the others alone
    for (index,) in execute("SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL").fetchall():
        execute(f"DROP INDEX {index}")
    for table in _TABLES:
        execute(f"ALTER TABLE {table} RENAME TO old_{table}")
    for statement in _statements(schema + files("jobs.record").joinpath("migration.sql").read_text()):
        execute(statement)
    for table in reversed(_TABLES):
        execute(f"DROP TABLE old_{table}")
    execute("PRAGMA legacy_alter_table = OFF")


def drop_adopted(db: sqlite3.Connection) -> None:
    """Drop migrated sections whose unit another analysis has adopted."""
    db.execute(
        "DELETE FROM sections WHERE analysis IN"
        " (SELECT id FROM analyses WHERE json_extract(question, '$.prompt') IS NULL)"
        " AND analysis != (SELECT analysis FROM units WHERE id = unit)"
    )


def _statements(schema: str) -> list[str]:
    """Single statements: `executescript` would commit the transaction."""
    statements, statement = [], ""
    for line in schema.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            statements.append(statement)
            statement = ""
    return statements
