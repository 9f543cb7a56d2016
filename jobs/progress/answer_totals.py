"""Sums over the answers of a run."""

from dataclasses import dataclass

from jobs.pipeline.events import CallEnded
from jobs.requests.answer import Usage

LATENCY_WEIGHT = 0.05
"""Weight of one answer in the moving average of the latency."""


@dataclass(slots=True)
class AnswerTotals:
    """Sums over the answers of a run."""

    answers: int = 0
    quota_tokens: float = 0.0
    """Tokens that the answers took of a token quota, burndown included."""
    burned: float = 0.0
    """The output's share of `quota_tokens`: output tokens x burndown."""
    latency_seconds: float = 0.0
    """Latency of all answers."""
    longest: int = 0
    """Output tokens of the longest answer, of those of earlier runs too."""
    cost_usd: float = 0.0
    recent_latency: float = 0.0
    """Moving average, in seconds."""

    def add(self, event: CallEnded, usage: Usage) -> None:
        self.recent_latency += (event.latency - self.recent_latency) * (LATENCY_WEIGHT if self.answers else 1.0)
        self.answers += 1
        self.quota_tokens += event.quota_tokens
        self.burned += event.quota_tokens - usage.input_tokens - usage.cache_write_tokens
        self.latency_seconds += event.latency
        self.longest = max(self.longest, usage.output_tokens)
        self.cost_usd += event.cost_usd or 0.0

    @property
    def mean_quota_tokens(self) -> float:
        return self.quota_tokens / max(1, self.answers)

    @property
    def mean_burned(self) -> float:
        return self.burned / max(1, self.answers)

    @property
    def mean_latency(self) -> float:
        return self.latency_seconds / max(1, self.answers)
