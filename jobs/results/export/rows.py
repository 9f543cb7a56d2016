"""The rows of an analysis from a journal that a run may be writing."""

import sqlite3
from collections.abc import Iterator
from typing import Any

from jobs.errors import ConfigurationError
from jobs.record import queries
from jobs.record.analysis import Analysis, all_analyses, named, of_results
from jobs.results.jsonl import section_result


def chosen(db: sqlite3.Connection, name: str | None) -> Analysis:
    """The analysis of this name; without one, that of the last run that came to its end, or else the latest.

    Raises:
        ConfigurationError: there is none.
    """
    analyses = all_analyses(db)
    found = named(db, name) if name else of_results(db) or (analyses[-1] if analyses else None)
    if found is None:
        names = ", ".join(analysis.name for analysis in analyses) or "none"
        what = f"there is no analysis {name} in this directory" if name else "no run has begun in this directory"
        raise ConfigurationError(what, f"its analyses: {names}")
    return found


def exported_rows(
    db: sqlite3.Connection, analysis: Analysis, *, gone: bool, with_text: bool
) -> Iterator[dict[str, Any]]:
    """Objects of results.jsonl. `gone`: also of documents that are no longer among the inputs.

    `with_text` adds `section_text`: the text that was asked about; None if it was not kept, or is damaged.
    """
    for row in queries.rows(db, analysis, gone=gone):
        result = section_result(row, analysis)
        if with_text:
            try:
                result["section_text"] = queries.text(db, row.unit)
            except ValueError:
                result["section_text"] = None
        yield result
