"""The record of every call that was accepted: what tests and people check a client against."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple


class LedgerEntry(NamedTuple):
    """One call, written down before it was answered."""

    time: float
    """Seconds since the epoch."""
    operation: str
    model: str
    status: int
    """HTTP status of the answer; 0: none was to come."""
    charged: bool
    """Whether the model ran, so that AWS would bill it, answered or not."""
    sha256: str
    """Of the body that was received."""
    metadata: Mapping[str, str] | None
    """The call's requestMetadata."""
    input_tokens: int
    output_tokens: int
    fault: str
    """The kind of the fault that it met; empty: none."""


class Ledger:
    """The entries, in the order in which the calls were accepted."""

    def __init__(self) -> None:
        self.entries: list[LedgerEntry] = []

    def lines(self) -> str:
        """One JSON object a line."""
        return "".join(json.dumps(entry._asdict()) + "\n" for entry in self.entries)

    def stats(self) -> dict[str, Any]:
        """Counts: calls, those charged and their tokens, calls by operation, status and fault."""
        charged = [entry for entry in self.entries if entry.charged]
        return {
            "calls": len(self.entries),
            "charged": len(charged),
            "input_tokens": sum(entry.input_tokens for entry in charged),
            "output_tokens": sum(entry.output_tokens for entry in charged),
            "operations": Counter(entry.operation for entry in self.entries),
            "statuses": Counter(str(entry.status) for entry in self.entries),
            "faults": Counter(entry.fault for entry in self.entries if entry.fault),
        }
