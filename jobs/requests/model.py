"""A model as quotas and bills see it (pure)."""

from dataclasses import dataclass

from jobs.requests.answer import Usage


@dataclass(frozen=True, slots=True)
class Price:
    """USD a million tokens."""

    input: float
    output: float
    cache_read: float
    cache_write: float


@dataclass(frozen=True, slots=True)
class Model:
    """What calls of one model take of quotas and of the budget."""

    id: str
    burndown: float
    """Tokens that one output token takes of the token quota at settlement."""
    bytes_per_token: float
    """Of a request, to start from."""
    price: Price | None
    """None if it is not known."""
    context_tokens: int | None
    """The most that input and output of one call can be together; None if it is not known."""

    def cost(self, usage: Usage) -> float | None:
        """USD of an answer; None if the price is not known. Thinking is inside the output tokens."""
        if self.price is None:
            return None
        return (
            usage.input_tokens * self.price.input
            + usage.output_tokens * self.price.output
            + usage.cache_read_tokens * self.price.cache_read
            + usage.cache_write_tokens * self.price.cache_write
        ) / 1e6

    def worst_cost(self, input_tokens: int, max_tokens: int) -> float | None:
        """The most USD that a call without cache points can cost; None if the price is not known."""
        return self.cost(Usage(input_tokens, max_tokens))
