"""What a call asks, whatever its dialect, and the reading of untrusted JSON into it (pure)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

Json = dict[str, Any]
T = TypeVar("T")
IMAGE_BYTES = 4 * 1_600
"""What an image counts for as text: Anthropic bills up to 1,600 tokens for one."""


class InvalidError(Exception):
    """The call is malformed; the text is the message of the ValidationException."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model is asked."""

    text: str
    """The last message of the user."""
    input_tokens: int
    max_tokens: int | None
    """None: the model's maximum."""
    stop: tuple[str, ...] = ()
    schema: Mapping[str, Any] | bool | None = None
    """What the answer must satisfy, if it is to be JSON."""
    tool: str = ""
    """The tool that must be called; its input then satisfies `schema`."""
    metadata: Mapping[str, str] | None = None
    anthropic: bool = False
    """Whether the answer is due in Anthropic's own form."""


def tokens(size: int) -> int:
    """Tokens of `size` bytes of UTF-8: about four bytes each, at least one."""
    return max(1, -(-size // 4))


def size_of(text: str) -> int:
    """Bytes of `text` in UTF-8 (lone surrogates, which JSON allows, count three)."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


_DECODE = json.JSONDecoder(parse_constant=_no_constant).decode


def read_json(body: bytes) -> Json:
    """The JSON object that a body holds.

    Raises:
        InvalidError: it holds something else.
    """
    try:
        value = _DECODE(body.decode())
    except (ValueError, RecursionError) as error:
        raise malformed(f"not valid JSON ({error})") from None
    if not isinstance(value, dict):
        raise malformed(f"#: expected type: JSONObject, found: {_found(value)}")
    return value


def malformed(what: str) -> InvalidError:
    """A refusal in Bedrock's words."""
    return InvalidError(f"Malformed input request: {what}, please reformat your input and try again.")


_NAMES: dict[type, str] = {
    dict: "JSONObject",
    list: "JSONArray",
    str: "String",
    bool: "Boolean",
    int: "Integer",
    float: "Number",
    type(None): "Null",
}


def _found(value: object) -> str:
    return _NAMES.get(type(value), "unknown")


def check(value: object, kind: type[T], path: str) -> T:
    """`value`, if it is of type `kind` (an integer is a float, a boolean is no number).

    Raises:
        InvalidError: it is not; the message names `path`.
    """
    if isinstance(value, kind) and (type(value) is not bool or kind is bool):
        return value
    if kind is float and type(value) is int:
        return cast("T", value)
    raise malformed(f"#/{path}: expected type: {_NAMES[kind]}, found: {_found(value)}")


def optional(holder: Json, name: str, kind: type[T], path: str = "") -> T | None:
    """The member `name` of `holder`, checked; None where it is missing or null."""
    value = holder.get(name)
    return None if value is None else check(value, kind, path + name)


def required(holder: Json, name: str, kind: type[T], path: str = "") -> T:
    """The member `name` of `holder`, checked."""
    if holder.get(name) is None:
        raise malformed(f"#/{path.removesuffix('/')}: required key [{name}] not found")
    return check(holder[name], kind, path + name)


def between(value: float | None, low: float, high: float, name: str) -> None:
    """Check a number of inference parameters against its range."""
    if value is None or low <= value <= high:
        return
    bound = f"greater than or equal to {low}" if value < low else f"less than or equal to {high}"
    raise InvalidError(
        f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: "
        f"Member must have value {bound}"
    )


def strings(values: list[Any] | None, path: str) -> tuple[str, ...]:
    """A list of non-empty strings, checked."""
    for index, value in enumerate(values or ()):
        if not check(value, str, f"{path}/{index}"):
            raise malformed(f"#/{path}/{index}: expected minLength: 1, actual: 0")
    return tuple(values or ())
