"""Writes an export: to standard output, to a new file, or to a new folder."""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TextIO

from jobs.atomic_file import atomic_write
from jobs.results.export.csv_table import write_csv
from jobs.results.export.markdown_folder import write_markdown
from jobs.results.export.parquet_table import write_parquet
from jobs.results.export.sqlite_table import write_sqlite
from jobs.results.jsonl import json_line

Rows = Iterable[Mapping[str, Any]]
Format = Literal["jsonl", "csv", "parquet", "markdown", "sqlite"]


def write_jsonl(rows: Rows, file: TextIO) -> None:
    file.writelines(map(json_line, rows))


TO_STREAM: Mapping[str, Callable[[Rows, TextIO], None]] = {"jsonl": write_jsonl, "csv": write_csv}
"""Formats that can go to standard output."""
_TO_PATH: Mapping[str, Callable[[Rows, Path], None]] = {
    "parquet": write_parquet, "markdown": write_markdown, "sqlite": write_sqlite,
}  # fmt: skip


def write_export(rows: Rows, format_: Format, path: Path) -> None:
    """Write a new file, or for Markdown a new folder: it appears when it is complete.

    Raises:
        FileExistsError: there is one already.
        ImportError: the format needs a package that is not installed.
        OSError, sqlite3.Error: it cannot be written; nothing is left.
    """
    if os.path.lexists(path):
        raise FileExistsError(path)
    if format_ in TO_STREAM:
        with atomic_write(path, 0o600) as file:
            TO_STREAM[format_](rows, file)
        return
    with _temporary(path) as temporary:
        _TO_PATH[format_](rows, temporary)


@contextmanager
def _temporary(path: Path) -> Iterator[Path]:
    temporary = path.with_name(f".{path.name}.tmp")
    _remove(temporary)
    try:
        yield temporary
        temporary.chmod(0o700 if temporary.is_dir() else 0o600)
        temporary.rename(path)
    finally:
        _remove(temporary)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
