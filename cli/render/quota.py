"""The quota in force: how much, how it is known, and how it refills (pure)."""

from collections.abc import Mapping
from typing import Any

from cli.render.numbers import count, percent
from cli.render.rows import Item

REFILLS = {"bucket": "token bucket", "fixed": "fixed window", "sliding": "sliding window"}


def quota_items(quota: Mapping[str, Any], utilisation: float | None) -> list[Item]:
    """The items of a row; `quota` is the object of this name in summary.json."""
    items: list[Item] = [
        (_quota(quota[key], unit, quota.get(f"{key}_kind"), quota.get("burst_s") or 0.0), "")
        for key, unit in (("rpm", "requests"), ("tpm", "tokens"))
        if quota[key] is not None
    ]
    if not items:
        return [("not configured, not learned yet", "")]
    if utilisation is not None:
        items.append((f"utilisation {percent(utilisation)}", ""))
    return items


def _quota(amount: float, unit: str, kind: str | None, burst: float) -> str:
    shown = count(amount) if amount >= 100 else f"{amount:g}"
    if kind:
        return f"about {shown} {unit}/minute (learned, {REFILLS[kind]})"
    refill = f", token bucket with {burst:g} s burst" if burst else ""
    return f"{shown} {unit}/minute (configured{refill})"
