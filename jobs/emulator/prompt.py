"""The prompt of a request, the same for every API, and its size in tokens (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

IMAGE_BYTES = 4 * 1_600
"""An image counts as this many bytes of text: Anthropic bills up to 1,600 tokens for one."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A validated request."""

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
