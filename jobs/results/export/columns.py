"""Rows as flat columns, for tables (pure)."""

from collections.abc import Mapping
from typing import Any

COLUMNS: Mapping[str, type] = {
    "document": str, "section": int, "heading": str, "location": str, "section_id": str, "analysis": str, "key": str,
    "status": str, "text": str, "model": str, "source": str, "input_tokens": int, "output_tokens": int,
    "cache_read_tokens": int, "cache_write_tokens": int, "cost_usd": float, "attempts": int, "latency_s": float,
    "stop_reason": str, "run_id": str, "answered_at": str, "error_code": str, "error_message": str,
    "document_error": str, "section_text": str,
}  # fmt: skip
"""Names and types, in order; any value may be None."""


def flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of results.jsonl with these columns: headings joined by ` > `, usage and error in columns of their own."""
    error = row["error"] or {}
    values = {**row, **(row["usage"] or {}), "heading": " > ".join(row["heading"])}
    values |= {"error_code": error.get("code"), "error_message": error.get("message")}
    return {name: _utf_8(values.get(name)) for name in COLUMNS}


def _utf_8(value: Any) -> Any:
    """Lone surrogates, which no table takes, are escaped."""
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
