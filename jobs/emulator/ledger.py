"""The ledger of all accepted calls, to compare with what a client did."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple


class LedgerEntry(NamedTuple):
    """One call, recorded before the response is sent."""

    time: float
    """Seconds since the epoch."""
    operation: str
    model: str
    status: int
    """HTTP status of the response; 0 if a fault sends none."""
    charged: bool
    """Whether the model ran: AWS bills such a call even if the response is lost."""
    sha256: str
    """SHA-256 of the request body, in hex."""
    metadata: Mapping[str, str] | None
    """The request's requestMetadata."""
    input_tokens: int
    output_tokens: int
    fault: str
    """Kind of the injected fault; empty if none."""


class CallLedger:
    def __init__(self) -> None:
        self.entries: list[LedgerEntry] = []

    def to_jsonl(self) -> str:
        return "".join(json.dumps(entry._asdict()) + "\n" for entry in self.entries)

    def stats(self) -> dict[str, Any]:
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
