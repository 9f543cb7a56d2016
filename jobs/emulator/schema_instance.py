"""Builds a small instance of a JSON Schema (pure)."""

import math
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

Schema = Mapping[str, Any] | bool

_MAX_ITEMS, _MAX_CHARACTERS = 1_000, 100_000
"""Against hostile schemas; real ones demand far less."""
_FORMATS = {
    "date": "2026-01-01",
    "time": "00:00:00Z",
    "date-time": "2026-01-01T00:00:00Z",
    "duration": "P1D",
    "email": "emulated@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


class UnsatisfiableError(Exception):
    """No instance is known; the text names the part of the schema."""


def schema_instance(schema: Schema, text: str) -> Any:
    """Build a value that satisfies `schema`, with `text` as the value of unconstrained strings.

    Supports local references, type, enum, const, anyOf, oneOf, allOf, and the bounds of objects, arrays, strings and
    numbers.

    Raises:
        UnsatisfiableError: the schema is malformed, requires itself, or has a pattern that no candidate matches.
    """
    try:
        return _Builder(schema, text).build(schema, frozenset())
    except (TypeError, AttributeError, ValueError, LookupError, ArithmeticError, RecursionError) as error:
        raise UnsatisfiableError(f"the schema is malformed ({error})") from None


class _Builder:
    """`root` resolves references; `text` fills strings. `open_refs`: references on the way from the root to here."""

    def __init__(self, root: Schema, text: str) -> None:
        self.root = root
        self.text = text

    def build(self, schema: Schema, open_refs: frozenset[str]) -> Any:
        if isinstance(schema, bool):
            if not schema:
                raise UnsatisfiableError("the schema `false` has no instance")
            return self.text
        if "$ref" in schema or "allOf" in schema:
            parts = [_without(schema, "allOf"), *schema.get("allOf", ())]
            refs = {part["$ref"] for part in parts if isinstance(part, Mapping) and "$ref" in part}
            if not refs.isdisjoint(open_refs):
                raise UnsatisfiableError(f"{', '.join(refs)} requires itself")
            return self.build(_merged([self.dereference(part) for part in parts]), open_refs | refs)
        for choice in ("anyOf", "oneOf"):
            if choice in schema:
                return self.build_first_of(schema, choice, open_refs)
        if "const" in schema:
            return schema["const"]
        return schema["enum"][0] if "enum" in schema else self.build_type(schema, open_refs)

    def resolve(self, ref: object) -> Schema:
        if not isinstance(ref, str) or not ref.startswith("#"):
            raise UnsatisfiableError(f"$ref {ref!r} is not local")
        target: Any = self.root
        for step in ref[1:].split("/")[1:]:
            name = unquote(step).replace("~1", "/").replace("~0", "~")
            if not isinstance(target, Mapping) or name not in target:
                raise UnsatisfiableError(f"$ref {ref!r} has no target")
            target = target[name]
        return target  # type: ignore[no-any-return]

    def dereference(self, schema: Schema) -> Schema:
        """Merge the target of a schema's reference into the schema."""
        if isinstance(schema, bool) or "$ref" not in schema:
            return schema
        return _merged([self.resolve(schema["$ref"]), _without(schema, "$ref")])

    def build_first_of(self, schema: Mapping[str, Any], choice: str, open_refs: frozenset[str]) -> Any:
        rest = _without(schema, choice)
        problem = UnsatisfiableError(f"{choice} has no option")
        for option in schema[choice]:
            try:
                return self.build(_merged([rest, option]), open_refs)
            except UnsatisfiableError as error:
                problem = error
        raise problem

    def build_type(self, schema: Mapping[str, Any], open_refs: frozenset[str]) -> Any:
        kind = schema.get("type") or (
            "object" if "properties" in schema else "array" if "items" in schema else "string"
        )
        if isinstance(kind, list):
            kind = next((one for one in kind if one != "null"), "null")
        match kind:
            case "object":
                return self.build_object(schema, open_refs)
            case "array":
                return self.build_array(schema, open_refs)
            case "string":
                return self.build_string(schema)
            case "integer" | "number":
                return _number(schema, whole=kind == "integer")
            case "boolean":
                return False
            case "null":
                return None
        raise UnsatisfiableError(f"unknown type {kind!r}")

    def build_object(self, schema: Mapping[str, Any], open_refs: frozenset[str]) -> dict[str, Any]:
        properties = schema.get("properties", {})
        required = schema.get("required", [])
        result: dict[str, Any] = {}
        for name in {**properties, **dict.fromkeys(required)}:
            try:
                result[name] = self.build(properties.get(name, True), open_refs)
            except UnsatisfiableError:
                if name in required:
                    raise
        return result

    def build_array(self, schema: Mapping[str, Any], open_refs: frozenset[str]) -> list[Any]:
        first = schema.get("prefixItems", [])
        items = schema.get("items", True)
        count = max(schema.get("minItems", 0), min(len(first), schema.get("maxItems", len(first))))
        if count > _MAX_ITEMS:
            raise UnsatisfiableError(f"minItems is {count}, more than {_MAX_ITEMS}")
        result = [self.build(first[at] if at < len(first) else items, open_refs) for at in range(count)]
        if schema.get("uniqueItems") and len({repr(value) for value in result}) < len(result):
            result = _distinct(items, result)
        return result

    def build_string(self, schema: Mapping[str, Any]) -> str:
        low, high = schema.get("minLength", 0), schema.get("maxLength", math.inf)
        known = [_FORMATS[schema["format"]]] if schema.get("format") in _FORMATS else []
        padded = self.text.ljust(min(low, _MAX_CHARACTERS), ".")
        candidates = [*known, *schema.get("examples", []), schema.get("default"), padded[: min(high, len(padded))]]
        pattern = schema.get("pattern")
        try:
            for text in candidates:
                if isinstance(text, str) and low <= len(text) <= high and (not pattern or re.search(pattern, text)):
                    return text
        except re.error:
            raise UnsatisfiableError(f"the pattern {pattern!r} is not supported") from None
        raise UnsatisfiableError(f"no known string satisfies {dict(schema)!r:.200}")


def _without(schema: Mapping[str, Any], key: str) -> Schema:
    return {name: value for name, value in schema.items() if name != key}


def _merged(parts: list[Schema]) -> Schema:
    """Combine schemas that must all hold: join properties and required, keep the tighter bound, else the last value."""
    merged: dict[str, Any] = {}
    for part in parts:
        if isinstance(part, bool):
            if not part:
                return False
            continue
        for key, value in part.items():
            if key == "properties":
                merged[key] = {**merged.get(key, {}), **value}
            elif key in {"required", "allOf"}:
                merged[key] = [*merged.get(key, []), *value]
            elif key.startswith("min") and key in merged:
                merged[key] = max(merged[key], value)
            elif key.startswith("max") and key in merged:
                merged[key] = min(merged[key], value)
            else:
                merged[key] = value
    return merged


def _number(schema: Mapping[str, Any], *, whole: bool) -> float:
    low = max(schema.get("minimum", -math.inf), schema.get("exclusiveMinimum", -math.inf))
    high = min(schema.get("maximum", math.inf), schema.get("exclusiveMaximum", math.inf))
    step: float | None = schema.get("multipleOf", 1 if whole else None)
    bounds = [bound for bound in (low, high) if math.isfinite(bound)]
    bases: list[float] = [0, *bounds, sum(bounds) / 2]
    if step:
        bases = [math.floor(base / step) * step for base in bases]
    for value in (base + offset for offset in (0, step or 1, -(step or 1)) for base in bases):
        if low <= value <= high and value not in (schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")):
            return value
    raise UnsatisfiableError(f"no known number satisfies {dict(schema)!r:.200}")


def _distinct(items: Schema, result: list[Any]) -> list[Any]:
    """Replace equal values by distinct ones: members of the enum, numbered strings or consecutive numbers."""
    if isinstance(items, Mapping) and len(items.get("enum", [])) >= len(result):
        return list(items["enum"][: len(result)])
    if all(isinstance(value, str) for value in result):
        return [f"{value}{at or ''}" for at, value in enumerate(result)]
    if all(type(value) in (int, float) for value in result):
        return [value + at for at, value in enumerate(result)]
    raise UnsatisfiableError("no distinct items are known for uniqueItems")
