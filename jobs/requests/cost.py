"""What calls cost, in quota and in USD."""

import math
from dataclasses import dataclass, field

from jobs.requests.answer import Usage
from jobs.requests.model import Model
from jobs.requests.request import Request
from ratelimit.quota_book import Cost

REQUESTS, TOKENS, MONEY = "requests a minute", "tokens a minute", "the budget (USD)"
"""The names of the quotas in the quota book, as messages show them."""
QUOTAS = {"requests": REQUESTS, "tokens": TOKENS}
"""From the short name of a quota (in events, throttles and quotas.json) to its name in the quota book."""
CONTEXT = "tokens of the model's context"
"""A limit for each single call, kept in the quota book as a quota that is never used up."""

MIN_BYTES_PER_TOKEN = 2.0
"""For the highest possible cost: no current tokenizer makes more tokens of real text."""
MAX_BYTES_PER_TOKEN = 6.0
"""For the context limit, so that only requests that cannot fit fail: real text has 3 to 5."""

WEIGHT = 0.02
"""Weight of one answer in the moving average of bytes per token."""


@dataclass(slots=True)
class Meter:
    """Costs of one model's calls. Learns the bytes per token from the usage that answers report."""

    model: Model
    bytes_per_token: float = field(init=False)

    def __post_init__(self) -> None:
        self.bytes_per_token = self.model.bytes_per_token

    def reservation(self, request: Request) -> Cost:
        """What Bedrock reserves when a call starts (input + maxTokens), and the most USD that it can cost."""
        return {
            REQUESTS: 1.0,
            TOKENS: self.tokens(request),
            MONEY: self.largest_cost(request) or 0.0,
            CONTEXT: len(request.body) / MAX_BYTES_PER_TOKEN + request.max_tokens,
        }

    def largest_cost(self, request: Request) -> float | None:
        """The most USD that a call can cost; None if the price is unknown."""
        return self.model.worst_cost(math.ceil(len(request.body) / MIN_BYTES_PER_TOKEN), request.max_tokens)

    def tokens(self, request: Request) -> float:
        """The tokens of a reservation."""
        return len(request.body) / self.bytes_per_token + request.max_tokens

    def actual(self, usage: Usage) -> Cost:
        """What Bedrock settles when a call ends."""
        return {
            REQUESTS: 1.0,
            TOKENS: self.charged(usage),
            MONEY: self.model.cost(usage) or 0.0,
        }

    def charged(self, usage: Usage) -> float:
        """The tokens of a settlement: input + cache writes + output x burndown."""
        return usage.input_tokens + usage.cache_write_tokens + usage.output_tokens * self.model.burndown

    def learn(self, request: Request, usage: Usage) -> None:
        """Update the bytes per token from the input tokens of an answer."""
        tokens = usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens
        if tokens:
            self.bytes_per_token += (len(request.body) / tokens - self.bytes_per_token) * WEIGHT
