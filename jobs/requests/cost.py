"""What calls cost, as the quotas count it and as the bill does."""

import math
from dataclasses import dataclass, field

from jobs.requests.answer import Usage
from jobs.requests.model import Model
from jobs.requests.request import Request
from ratelimit.quota import Cost

REQUESTS, TOKENS, MONEY = "requests a minute", "tokens a minute", "the budget (USD)"
"""The names of the quotas in the book, as messages show them."""
QUOTAS = {"requests": REQUESTS, "tokens": TOKENS}
"""From the short name of a quota, as events, throttles and quotas.json have it, to its name in the book."""
CONTEXT = "the model's context (tokens)"
"""A bound on each call alone, kept in the book like a quota that is never used up."""

WORST_BYTES_PER_TOKEN = 2.0
"""For a bound on what a call may cost before it is sent: no current tokenizer makes more tokens of real text."""
MOST_BYTES_PER_TOKEN = 6.0
"""What does not fit a context even so certainly does not: real text has 3 to 5."""

WEIGHT = 0.02
"""Of one answer in the moving average of bytes a token."""


@dataclass(slots=True)
class Meter:
    """Costs of one model's calls; learns from real answers how many bytes it makes a token of."""

    model: Model
    bytes_per_token: float = field(init=False)

    def __post_init__(self) -> None:
        self.bytes_per_token = self.model.bytes_per_token

    def reservation(self, request: Request) -> Cost:
        """What Bedrock takes when a call starts (input + maxTokens), and the most that it can be billed."""
        size, most, priced = len(request.body), request.max_tokens, self.model.price is not None
        return {
            REQUESTS: 1.0,
            TOKENS: self.tokens(request),
            MONEY: (priced and self.model.worst_cost(math.ceil(size / WORST_BYTES_PER_TOKEN), most)) or 0.0,
            CONTEXT: size / MOST_BYTES_PER_TOKEN + most,
        }

    def tokens(self, request: Request) -> float:
        """Of a reservation, those of the token quota."""
        return len(request.body) / self.bytes_per_token + request.max_tokens

    def actual(self, usage: Usage) -> Cost:
        """What Bedrock settles at the end: input + cache writes + output x burndown."""
        return {
            REQUESTS: 1.0,
            TOKENS: self.charged(usage),
            MONEY: self.model.cost(usage) or 0.0,
        }

    def charged(self, usage: Usage) -> float:
        """Of what is settled, the tokens."""
        return usage.input_tokens + usage.cache_write_tokens + usage.output_tokens * self.model.burndown

    def learn(self, request: Request, usage: Usage) -> None:
        """Correct the bytes a token from what an answer says its input was."""
        tokens = usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens
        if tokens:
            self.bytes_per_token += (len(request.body) / tokens - self.bytes_per_token) * WEIGHT
