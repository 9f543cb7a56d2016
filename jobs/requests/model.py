"""A model's prices and its share of the quotas (pure)."""

from dataclasses import dataclass

from jobs.requests.answer import Usage


@dataclass(frozen=True, slots=True)
class Price:
    """USD per million tokens."""

    input: float
    output: float
    cache_read: float
    cache_write: float


@dataclass(frozen=True, slots=True)
class Model:
    """What a call to one model costs, in quota and in USD."""

    id: str
    burndown: float
    """Quota tokens that one output token takes at settlement."""
    bytes_per_token: float
    """First estimate for requests; Meter refines it."""
    price: Price | None
    """None if unknown."""
    context_tokens: int | None
    """Limit for input and output of one call together; None if unknown."""

    def cost(self, usage: Usage) -> float | None:
        """USD of an answer; None if the price is unknown. Thinking counts as output."""
        if self.price is None:
            return None
        return (
            usage.input_tokens * self.price.input
            + usage.output_tokens * self.price.output
            + usage.cache_read_tokens * self.price.cache_read
            + usage.cache_write_tokens * self.price.cache_write
        ) / 1e6

    def worst_cost(self, input_tokens: int, max_tokens: int) -> float | None:
        """The highest cost (USD) of a call without cache points; None if the price is unknown."""
        return self.cost(Usage(input_tokens, max_tokens))
