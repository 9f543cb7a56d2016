"""Reads untrusted JSON; every problem is an InvalidRequestError in Bedrock's words (pure)."""

import base64
import json
from typing import Any, TypeVar, cast

Json = dict[str, Any]
T = TypeVar("T")


class InvalidRequestError(Exception):
    """The request is invalid; the text is the message of the ValidationException."""


def _reject_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


_DECODE = json.JSONDecoder(parse_constant=_reject_constant).decode


def read_json(body: bytes) -> Json:
    """Decode a body, which must be a JSON object."""
    try:
        value = _DECODE(body.decode())
    except (ValueError, RecursionError) as error:
        raise malformed(f"not valid JSON ({error})") from None
    if not isinstance(value, dict):
        raise malformed(f"#: expected type: JSONObject, found: {_TYPE_NAMES[type(value)]}")
    return value


def malformed(problem: str) -> InvalidRequestError:
    """Wrap a problem in Bedrock's standard sentence."""
    return InvalidRequestError(f"Malformed input request: {problem}, please reformat your input and try again.")


_TYPE_NAMES: dict[type, str] = {
    dict: "JSONObject",
    list: "JSONArray",
    str: "String",
    bool: "Boolean",
    int: "Integer",
    float: "Number",
    type(None): "Null",
}


def check(value: object, kind: type[T], path: str) -> T:
    """Return `value` if it has type `kind`; an integer passes as float, a boolean does not pass as a number."""
    if isinstance(value, kind) and (type(value) is not bool or kind is bool):
        return value
    if kind is float and type(value) is int:
        return cast("T", value)
    raise malformed(f"#/{path}: expected type: {_TYPE_NAMES[kind]}, found: {_TYPE_NAMES[type(value)]}")


def optional(parent: Json, name: str, kind: type[T], path: str = "") -> T | None:
    """The checked member `name` of `parent`; None if it is missing or null."""
    value = parent.get(name)
    return None if value is None else check(value, kind, path + name)


def required(parent: Json, name: str, kind: type[T], path: str = "") -> T:
    """The checked member `name` of `parent`, which must not be missing or null."""
    if parent.get(name) is None:
        raise malformed(f"#/{path.removesuffix('/')}: required key [{name}] not found")
    return check(parent[name], kind, path + name)


def check_range(value: float | None, low: float, high: float, name: str) -> None:
    """Reject a value outside `low` to `high`; None passes."""
    if value is None or low <= value <= high:
        return
    bound = f"greater than or equal to {low}" if value < low else f"less than or equal to {high}"
    raise InvalidRequestError(
        f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: "
        f"Member must have value {bound}"
    )


def strings(values: list[Any] | None, path: str) -> tuple[str, ...]:
    """Check a list of non-empty strings; None gives an empty tuple."""
    for index, value in enumerate(values or ()):
        if not check(value, str, f"{path}/{index}"):
            raise malformed(f"#/{path}/{index}: expected minLength: 1, actual: 0")
    return tuple(values or ())


def base64_field(parent: Json, name: str, path: str) -> bytes:
    try:
        return base64.b64decode(required(parent, name, str, path), validate=True)
    except ValueError:
        raise malformed(f"#/{path}{name}: not base64") from None
