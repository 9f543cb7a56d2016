"""The quota that is in force: how much, from where, and how it comes back (pure)."""

from collections.abc import Mapping
from typing import Any

from cli.render.numbers import count, percent
from cli.render.rows import Item


def quota_items(quota: Mapping[str, Any], utilisation: float | None) -> list[Item]:
    """As items of a row; `quota` is what stands in summary.json under this name."""
    items: list[Item] = [
        (_one(quota[key], unit, quota.get(f"{key}_kind")), "")
        for key, unit in (("rpm", "calls"), ("tpm", "tokens"))
        if quota[key] is not None
    ]
    if not items:
        return [("none told, none found yet", "")]
    if utilisation is not None:
        items.append((f"{percent(utilisation)} used", ""))
    return items


def _one(amount: float, unit: str, kind: str | None) -> str:
    shown = count(amount) if amount >= 100 else f"{amount:g}"
    return f"about {shown} {unit}/min (learned, {kind})" if kind else f"{shown} {unit}/min (told)"
