"""Analyses of an output directory: a question under a name, with its own documents, sections and units."""

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from typing import Any, NamedTuple

from jobs.errors import ConfigurationError

_COLUMNS = "id, name, question"


class Analysis(NamedTuple):
    id: int
    name: str
    question: Mapping[str, Any]
    """The fields of RequestTemplate.question. Migrated from schema version 1: `model` and `endpoint` only."""

    @property
    def model(self) -> str:
        return str(self.question["model"])

    @property
    def is_migrated(self) -> bool:
        """Whether version 1 wrote it, which did not record the prompt."""
        return "prompt" not in self.question


def default_name(task: str | None, question: str) -> str:
    """The name of an analysis without --name: its task's, or `prompt-` with 8 hex digits of the question's sha256."""
    return task or f"prompt-{_digits(question)}"


def analysis_for(db: sqlite3.Connection, question: str, name: str | None, default: str) -> Analysis:
    """The analysis that asks this question; created if there is none.

    `name`: the one that the user gave. Without it, the latest analysis with this question is meant; a new one is called
    `default`, with digits of the question appended where another question has that name.

    Raises:
        ConfigurationError: `name` belongs to another question.
    """
    if name is None:
        found = _select(db, "question = ? ORDER BY id DESC", question)
        if found:
            return found
        name = f"{default}-{_digits(question)}" if named(db, default) else default
    found = named(db, name)
    if found is None:
        db.execute("INSERT INTO analyses (name, question) VALUES (?, ?)", (name, question))
        return analysis_for(db, question, name, default)
    asked = json.loads(question)
    if found.question != asked:
        other = ", ".join(sorted(key for key in asked if found.question.get(key) != asked[key]))
        raise ConfigurationError(
            f"the analysis {name} of this output directory has another {other}", "choose another --name, or --output"
        )
    return found


def named(db: sqlite3.Connection, name: str) -> Analysis | None:
    return _select(db, "name = ?", name)


def all_analyses(db: sqlite3.Connection) -> list[Analysis]:
    """In order of their creation."""
    return [_analysis(*row) for row in db.execute(f"SELECT {_COLUMNS} FROM analyses ORDER BY id")]  # noqa: S608 (a constant)


def of_results(db: sqlite3.Connection, before: int = 1 << 62) -> Analysis | None:
    """The analysis whose rows results.jsonl has: that of the last run that came to its end, of those `before` a run."""
    query = "id = (SELECT analysis FROM runs WHERE ended_at IS NOT NULL AND id < ? ORDER BY id DESC LIMIT 1)"
    return _select(db, query, before)


def _select(db: sqlite3.Connection, condition: str, value: object) -> Analysis | None:
    row = db.execute(f"SELECT {_COLUMNS} FROM analyses WHERE {condition} LIMIT 1", (value,)).fetchone()  # noqa: S608 (constants)
    return _analysis(*row) if row else None


def _analysis(number: int, name: str, question: str) -> Analysis:
    return Analysis(number, name, json.loads(question))


def _digits(question: str) -> str:
    return hashlib.sha256(question.encode()).hexdigest()[:8]
