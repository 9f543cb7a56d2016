"""Price, burndown and limits of a model: dated data (models.toml) that users can override (pure)."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from typing import Any

from jobs.requests.model import Model, Price

_ARN = re.compile(r"arn:[^:]*:[^:]*:[^:]*:[^:]*:(?P<kind>[^/]+)/(?P<name>.+)")
_VERSION = re.compile(r"(-\d{8})?(-v\d+)?(:\d+)?(:\w+)?$")


def look_up(model_id: str, overrides: Mapping[str, Mapping[str, float]] | None = None) -> Model:
    """Look up a model id, inference profile or ARN.

    `overrides` maps patterns of ids or names (see models.toml) to `input_usd`, `output_usd`, `burndown`,
    `bytes_per_token` or `context_tokens`. It takes precedence over the catalogue, its first match wins, and its prices
    get no geo uplift.
    """
    name, region = _parse(model_id)
    entry = _collect(((rule["match"], rule) for rule in _catalogue()["rules"]), name)
    uplift = entry.get("geo_uplift", 1.0) if region == "cross-region" else 1.0
    for usd in {"input_usd", "output_usd"} & entry.keys():
        entry[usd] *= uplift
    facts = entry | _collect((((pattern,), fields) for pattern, fields in (overrides or {}).items()), model_id, name)
    context = facts.get("context_tokens")
    return Model(
        model_id,
        burndown=facts["burndown"],
        bytes_per_token=facts["bytes_per_token"],
        price=_price(facts),
        context_tokens=None if context is None else int(context),
    )


def region_class(model_id: str) -> str:
    """`on-demand`, `cross-region` or `global`, which have separate quotas; of an ARN that hides the model, its kind."""
    return _parse(model_id)[1]


def _parse(model_id: str) -> tuple[str, str]:
    if arn := _ARN.fullmatch(model_id):
        if arn["kind"] not in {"foundation-model", "inference-profile"}:
            return model_id, arn["kind"]
        model_id = arn["name"]
    prefix, _, rest = model_id.partition(".")
    if rest and prefix in _catalogue()["profiles"]:
        return _VERSION.sub("", rest, count=1), "global" if prefix == "global" else "cross-region"
    return _VERSION.sub("", model_id, count=1), "on-demand"


def _collect(rules: Iterable[tuple[Iterable[str], Mapping[str, Any]]], *names: str) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for patterns, fields in rules:
        if any(fnmatchcase(name, pattern) for pattern in patterns for name in names):
            facts = {**fields, **facts}
    return facts


def _price(facts: Mapping[str, Any]) -> Price | None:
    if "input_usd" not in facts or "output_usd" not in facts:
        return None
    input_usd = facts["input_usd"]
    return Price(input_usd, facts["output_usd"], input_usd * facts["cache_read"], input_usd * facts["cache_write"])


@cache
def _catalogue() -> dict[str, Any]:
    return tomllib.loads(files("jobs.bedrock").joinpath("models.toml").read_text("utf-8"))
