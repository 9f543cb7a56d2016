"""Learned quotas, kept for the next run in a small file that may be deleted at any time."""

import json
import math
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from jobs.atomic_file import atomic_write
from jobs.errors import StorageError
from ratelimit.discovery.knowledge import Kind
from ratelimit.discovery.learned import FORGOTTEN, Learned, Remembered

ABOUT = "Quotas that bedrock-batch measured. You may delete this file: they are measured again."
LOCK_TIMEOUT = 2.0
"""Seconds to wait while another run writes the file."""


@dataclass(frozen=True, slots=True)
class QuotaScope:
    """The account, region and model that a quota belongs to."""

    endpoint: str
    """`aws`, or the URL of another endpoint."""
    account: str
    region: str
    model: str
    """The id that is called: an inference profile has its own quotas."""


class QuotaMemory:
    """The file of learned quotas; concurrent runs keep each other's entries."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def recall(self, scope: QuotaScope, now: datetime) -> dict[str, Remembered]:
        """The remembered quotas of a scope, by name.

        Raises:
            StorageError: the file cannot be read, or has other content.
        """
        found = {}
        for entry in self._entries():
            if (known := _parsed(entry)) is not None and known.scope == scope:
                found[known.quota] = Remembered(known.learned, _since(known.at, now), _since(known.used_at, now))
        return found

    def remember(
        self, scope: QuotaScope, learned: Mapping[str, Learned], now: datetime, *, used: Collection[str] = ()
    ) -> None:
        """Replace the entries of `learned` quotas, note the time for those `used`, and drop expired entries.

        A broken file is replaced.

        Raises:
            OSError: the file cannot be written.
        """
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            with FileLock(self.path.with_suffix(".lock"), timeout=LOCK_TIMEOUT, mode=0o600):
                entries = self._kept(scope, learned, now, used)
                entries += [_entry(scope, quota, one, now) for quota, one in learned.items()]
                with atomic_write(self.path, 0o600) as file:
                    json.dump({"about": ABOUT, "quotas": entries}, file, indent=2)
                    file.write("\n")
        except Timeout as error:
            raise OSError(f"{error.lock_file} is held by another process") from None

    def _kept(
        self, scope: QuotaScope, learned: Mapping[str, Learned], now: datetime, used: Collection[str]
    ) -> list[dict[str, Any]]:
        try:
            entries = self._entries()
        except StorageError:
            return []
        kept = []
        for entry in entries:
            known = _parsed(entry)
            if known is None or _since(known.at, now) >= FORGOTTEN:
                continue
            mine = known.scope == scope
            if not (mine and known.quota in learned):
                kept.append(entry | {"used_at": _timestamp(now)} if mine and known.quota in used else entry)
        return kept

    def _entries(self) -> list[Any]:
        try:
            written = json.loads(self.path.read_bytes())
        except FileNotFoundError:
            return []
        except (OSError, ValueError, RecursionError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not JSON"
            raise StorageError(f"the learned quotas cannot be read from {self.path}: {why}") from error
        entries = written.get("quotas") if isinstance(written, dict) else None
        if not isinstance(entries, list):
            raise StorageError(f"{self.path} is not a file of learned quotas")
        return entries


@dataclass(frozen=True, slots=True)
class _Entry:
    scope: QuotaScope
    quota: str
    learned: Learned
    at: datetime
    used_at: datetime


def _entry(scope: QuotaScope, quota: str, learned: Learned, now: datetime) -> dict[str, Any]:
    return asdict(scope) | {
        "quota": quota,
        "kind": learned.kind.value,
        "per_minute": round(learned.per_minute, 3),
        "mean_cost": round(learned.mean, 3),
        "learned_at": _timestamp(now),
        "used_at": _timestamp(now),
    }


def _timestamp(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="seconds")


def _since(then: datetime, now: datetime) -> float:
    """Seconds; 0.0 if a clock was set back."""
    return max(0.0, (now - then).total_seconds())


def _parsed(entry: Any) -> _Entry | None:
    """An entry of the file; None if it is not a valid one (edited by hand, or from another version)."""
    try:
        learned = Learned(Kind(entry["kind"]), float(entry["per_minute"]), float(entry["mean_cost"]))
        if not all(math.isfinite(amount) and amount > 0 for amount in (learned.per_minute, learned.mean)):
            return None
        if not isinstance(entry["quota"], str):
            return None
        at = datetime.fromisoformat(entry["learned_at"])
        used_at = datetime.fromisoformat(entry.get("used_at", entry["learned_at"]))
        scope = QuotaScope(entry["endpoint"], entry["account"], entry["region"], entry["model"])
        return None if None in {at.tzinfo, used_at.tzinfo} else _Entry(scope, entry["quota"], learned, at, used_at)
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
