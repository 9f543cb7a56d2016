"""What a directory holds: the object that `status --json` prints. Its keys are an interface (jobs/README.md)."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from jobs.record import queries
from jobs.record.analysis import Analysis, all_analyses, of_results
from jobs.record.protocol import Status


def overview(db: sqlite3.Connection, holder: str | None, spools: Sequence[Path]) -> dict[str, Any]:
    """`holder` names the run that holds the output lock, if there is one; `spools` are files of answers (Spool)."""
    spend = queries.spend(db)
    shown = of_results(db)
    (open_attempts,) = db.execute("SELECT count(*) FROM attempts WHERE outcome IS NULL").fetchone()
    calls, most = queries.maybe_paid_twice(db)
    return {
        "running": holder,
        "open_attempts": open_attempts,
        "spools": [str(path) for path in spools],
        "analyses": [
            {
                "name": analysis.name,
                "question": analysis.question,
                "in_results": shown is not None and analysis.id == shown.id,
                "documents": _counts(db, _DOCUMENTS, analysis),
                "sections": queries.count_rows(db, analysis),
                "units": {_name(status): count for status, count in _counts(db, _UNITS, analysis).items()},
                "failures": list(_failures(db, analysis)),
                **spend[analysis.name]._asdict(),
            }
            for analysis in all_analyses(db)
        ],
        "runs": list(_runs(db)),
        "maybe_paid_twice": {"calls": calls, "most_usd": most},
        "total": queries.Spend.total(spend.values())._asdict(),
    }


def _counts(db: sqlite3.Connection, query: str, analysis: Analysis) -> dict[str, int]:
    return dict(db.execute(query, (analysis.id,)))


def _name(status: str) -> str:
    return "pending" if status == Status.NEW else status


def _failures(db: sqlite3.Connection, analysis: Analysis) -> Iterator[dict[str, Any]]:
    """Units without a complete answer by status and reason, each with an example."""
    for status, count, message, example, code in db.execute(_FAILURES, (analysis.id,)):
        where = db.execute(_EXAMPLE, (analysis.id, example)).fetchone() or (None, "[]")
        yield {
            "status": status, "code": code, "count": count, "message": message,
            "document": where[0], "heading": json.loads(where[1]),
        }  # fmt: skip


def _runs(db: sqlite3.Connection) -> Iterator[dict[str, Any]]:
    """All runs, the latest first. A run that was killed has no end, no exit code and no cost."""
    for run_id, started_at, analysis, ended_at, summary in db.execute(_RUNS):
        told = json.loads(summary or "{}")
        yield {
            "run_id": run_id, "analysis": analysis, "started_at": started_at, "ended_at": ended_at,
            **{name: told.get(name) for name in ("exit_code", "error", "calls", "cost_usd")},
        }  # fmt: skip


_DOCUMENTS = "SELECT iif(gone, 'gone', status), count(*) FROM documents WHERE analysis = ? GROUP BY 1"
_UNITS = "SELECT status, count(*) FROM units WHERE analysis = ? GROUP BY 1"
_RUNS = """
SELECT run_id, started_at, name, ended_at, summary FROM runs r JOIN analyses n ON n.id = r.analysis ORDER BY r.id DESC
"""
_FAILURES = """
SELECT status, count(*), message, min(id),
       coalesce(nullif(code, ''), iif(json_valid(body), json_extract(body, '$.stopReason'), NULL), '') AS reason
FROM (SELECT u.*, CAST(raw AS TEXT) AS body FROM units u LEFT JOIN answers ON unit = id)
WHERE analysis = ? AND status IN ('failed', 'incomplete', 'held', 'fallback') GROUP BY status, reason ORDER BY 2 DESC
"""
_EXAMPLE = """
SELECT path, heading FROM units u JOIN sections s ON s.analysis = u.analysis AND s.id = u.owner
JOIN documents d ON d.id = s.document WHERE u.analysis = ? AND u.id = ?
"""
