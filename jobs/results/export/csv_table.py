"""CSV that a spreadsheet opens without running anything."""

import csv
from collections.abc import Iterable, Mapping
from typing import Any, TextIO

from jobs.results.export.columns import COLUMNS, flat

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet takes for the start of a formula (OWASP, CSV injection)."""


def write_csv(rows: Iterable[Mapping[str, Any]], file: TextIO) -> None:
    """A header, then a line for each row. A text that could be a formula gets an apostrophe in front."""
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow(map(_inert, flat(row).values()))


def _inert(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.lstrip(" ").startswith(_FORMULA) else value
