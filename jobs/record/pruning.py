"""Deletes from the journal what no document needs any more."""

import sqlite3
from typing import NamedTuple

from jobs.record.journal import Journal


class Prunable(NamedTuple):
    answers: int
    """Of sections that are gone from the documents, or whose documents are gone from the inputs."""
    attempts: int
    """Closed attempts of these, and attempts of other units that brought no answer."""


def prunable(db: sqlite3.Connection, before: float) -> Prunable:
    """What `prune` would delete: what ended before this Unix time."""
    _select(db, before)
    (units,) = db.execute("SELECT count(*) FROM temp.units_to_prune").fetchone()
    (attempts,) = db.execute("SELECT count(*) FROM temp.attempts_to_prune").fetchone()
    return Prunable(units, attempts)


def prune(journal: Journal, before: float) -> None:
    """Delete it, in the current transaction; the totals of the directory keep their values."""
    _select(journal.db, before)
    for statement in _PRUNE:
        journal.db.execute(statement)


def _select(db: sqlite3.Connection, before: float) -> None:
    db.execute("DROP TABLE IF EXISTS temp.units_to_prune")
    db.execute("DROP TABLE IF EXISTS temp.attempts_to_prune")
    db.execute(_UNITS, (before,))
    db.execute(_ATTEMPTS, (before,))


_UNITS = """
CREATE TEMP TABLE units_to_prune AS
SELECT u.id FROM units u
WHERE NOT EXISTS (SELECT 1 FROM attempts WHERE unit = u.id AND (outcome IS NULL OR opened_at >= ?1))
  AND coalesce((SELECT answered_at FROM answers WHERE unit = u.id), 0) < ?1
  AND u.id NOT IN (SELECT unit FROM live)
"""

# Attempts of unknown outcome may have been paid for: as long as their unit is there, they count.
_ATTEMPTS = """
CREATE TEMP TABLE attempts_to_prune AS
SELECT id FROM attempts WHERE unit IN units_to_prune
   OR (opened_at < ?1 AND outcome NOT IN ('ok', 'incomplete', 'unknown'))
"""

_PRUNE = (
    """
    INSERT INTO pruned
    SELECT u.analysis, total(sent), total(input_tokens), total(output_tokens), total(cost_usd)
    FROM attempts t JOIN units u ON u.id = t.unit WHERE t.id IN attempts_to_prune GROUP BY u.analysis
    ON CONFLICT (analysis) DO UPDATE SET calls = calls + excluded.calls,
        input_tokens = input_tokens + excluded.input_tokens, output_tokens = output_tokens + excluded.output_tokens,
        cost_usd = cost_usd + excluded.cost_usd
    """,
    "DELETE FROM attempts WHERE id IN attempts_to_prune",
    "DELETE FROM answers WHERE unit IN units_to_prune",
    "DELETE FROM texts WHERE unit IN units_to_prune",
    "DELETE FROM sections WHERE unit IN units_to_prune",
    "DELETE FROM units WHERE id IN units_to_prune",
    "DELETE FROM documents WHERE gone AND id NOT IN (SELECT document FROM sections)",
)
