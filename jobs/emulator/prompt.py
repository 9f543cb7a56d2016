"""What the request formats have in common: the prompt, its size in tokens, tools and JSON Schema (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jobs.emulator.json_checks import InvalidRequestError, Json, check, optional, required

IMAGE_BYTES = 4 * 1_600
"""An image counts as this many bytes of text: Anthropic bills up to 1,600 tokens for one."""


@dataclass(frozen=True, slots=True)
class Prompt:
    text: str
    """The user's last message."""
    input_tokens: int
    max_tokens: int | None
    """None: the model's maximum."""
    stop: tuple[str, ...] = ()
    schema: Mapping[str, Any] | bool | None = None
    """JSON Schema of the answer, or of the tool's input; None: the answer is text."""
    tool: str = ""
    """Name of the tool that the model must call; empty if there is none."""
    metadata: Mapping[str, str] | None = None
    """The requestMetadata of Converse."""
    anthropic: bool = False
    """Whether the answer uses Anthropic's Messages format."""


def tokens(size: int) -> int:
    """Tokens of `size` bytes of UTF-8: four bytes each, at least one token."""
    return max(1, -(-size // 4))


def size_of(text: str) -> int:
    """Bytes of `text` in UTF-8; a lone surrogate, which JSON allows, counts as three."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def forced_tool(schemas: dict[str, Any], *, any_tool: bool, name: str | None) -> tuple[str, Any]:
    """Name and input schema of the tool that the model must call; ("", None) if it need not call one.

    `schemas` holds the input schemas by tool name. `any_tool` forces the first, `name` that one.
    """
    if any_tool and schemas:
        name = next(iter(schemas))
    if name is None:
        return "", None
    if name not in schemas:
        raise InvalidRequestError(f"The tool {name} of the tool choice is not among the tools.")
    return name, schemas[name]


def anthropic_output_schema(fields: Json, path: str = "") -> Any:
    """The schema of Anthropic's `output_config.format` (in its beta: `output_format`); None if there is none."""
    config = optional(fields, "output_config", dict, path) or {}
    output_format = config.get("format") or fields.get("output_format")
    if output_format is None:
        return None
    path += "output_format"
    return required(check(output_format, dict, path), "schema", dict, path + "/")
