"""Option values that would make a run faster (pure)."""

import math
from dataclasses import dataclass

from jobs.progress.answer_totals import AnswerTotals

MIN_ANSWERS = 20
"""Answers needed before the longest is a guide for others."""
MARGIN = 1.25
"""Advised maxTokens / longest answer: room for a longer one."""
STEP = 50
"""Advised values are multiples of this."""
MIN_EXPLAINED = 0.8
"""Tokens are the limit if their reservations and settlements explain at least this share of the quota."""
MAX_REQUESTS_USED = 0.95
"""Requests are the limit above this utilisation of the request quota."""
MIN_SPEEDUP = 1.05
"""A smaller speedup is not worth a message."""


@dataclass(frozen=True, slots=True)
class TokenUse:
    """How a run used its token quota."""

    totals: AnswerTotals
    max_tokens: int
    seconds: float
    """From the first to the last call."""
    tpm: float
    windowed: bool
    """Whether the quota refills in windows, fixed or sliding, rather than as a bucket."""
    bucket_size: float = math.inf
    """Tokens that the bucket holds; infinite if unknown."""
    requests_used: float = 0.0
    """Utilisation of the request quota."""
    had_outage: bool = False
    concurrency: float = math.inf
    """Max in flight."""

    def reservation(self, max_tokens: int) -> float:
        """Mean tokens that a call with this maxTokens reserves."""
        return self.totals.mean_quota_tokens - self.totals.mean_burned + max_tokens


@dataclass(frozen=True, slots=True)
class Advice:
    """A better value for an option."""

    option: str
    value: int
    faster: float
    """Speedup: 1.2 is 20% faster."""
    text: str


def smaller_max_tokens(use: TokenUse) -> Advice | None:
    """Advice if reserving maxTokens limits the run, with the speedup of a smaller value.

    Bedrock reserves input + maxTokens when a call starts and refunds the unused part when it ends. A call in flight
    thus reserves h = maxTokens - output x burndown tokens too many (means over the answers). With S settled tokens per
    answer and a latency of L seconds:

    - A bucket refills r tokens a second in any case, which is enough for r / S calls a second. The r / S x L calls in
      flight hold h tokens each, once in the run: h x L / S seconds of the quota.
    - A window of 60 s loses what calls hold when it ends: quota / (S + h x L / 60) calls fit into it.

    Both assume that tokens are the limit (MIN_EXPLAINED) and that sizes and latency stay the same. A configured quota
    counts as a bucket: its refill is unknown, and a bucket promises the smaller speedup. A bucket smaller than two
    reservations is a case of its own: `_speedup_without_overflow`.
    """
    if use.totals.answers < MIN_ANSWERS or use.seconds <= 0.0 or use.requests_used > MAX_REQUESTS_USED:
        return None
    value = STEP * math.ceil(MARGIN * use.totals.longest / STEP)
    overflows = not use.windowed and use.reservation(use.max_tokens) > use.bucket_size / 2
    speedup = _speedup_without_overflow(use, value) if overflows else _speedup(use, value)
    if speedup < MIN_SPEEDUP:
        return None
    text = (
        f"tokens limit this run: --max-tokens {use.max_tokens} reserves more than the longest answer used "
        f"({use.totals.longest} tokens). With --max-tokens {value} it would be {'up to' if overflows else 'about'} "
        f"{100 * (speedup - 1):.0f}% faster, and cut off none of the answers so far"
    )
    return Advice("--max-tokens", value, round(speedup, 2), text)


def _speedup(use: TokenUse, value: int) -> float:
    """The speedup if calls in flight reserve less; 1.0 if tokens are not the limit."""
    now, then = _tokens_needed(use, use.max_tokens), _tokens_needed(use, value)
    if now < MIN_EXPLAINED * use.tpm * use.seconds / 60:
        return 1.0
    speedup = now / then if use.windowed else use.seconds / max(use.seconds - (now - then) * 60 / use.tpm, 1e-3)
    return min(speedup, now / use.totals.quota_tokens)  # the limit: no reservations at all


def _tokens_needed(use: TokenUse, max_tokens: int) -> float:
    """S x answers, plus what calls in flight hold: h x L / 60 per answer in windows, h x L x rate once in a bucket."""
    totals = use.totals
    held = max(0.0, max_tokens - totals.mean_burned) * totals.mean_latency
    return totals.quota_tokens + held * totals.answers / (60 if use.windowed else use.seconds)


def _speedup_without_overflow(use: TokenUse, value: int) -> float:
    """The maximum speedup if the bucket no longer overflows; 1.0 if tokens are not the limit.

    A bucket smaller than two reservations overflows at refunds, so its quota cannot be used up: a call starts after the
    refund of the call before, or when a reservation has refilled (`_max_start_rate`). Something else is the limit if
    calls started less often than that, if all reservations together are below the quota, or if the calls in flight were
    near max in flight.
    """
    totals, quota, rate = use.totals, use.tpm * use.seconds / 60, use.totals.answers / use.seconds
    reserved = use.reservation(use.max_tokens) * totals.answers
    tokens_limit = reserved >= quota and rate >= MIN_EXPLAINED * _max_start_rate(use, use.max_tokens)
    if use.had_outage or not tokens_limit or rate * totals.mean_latency >= MIN_EXPLAINED * use.concurrency:
        return 1.0
    limit = quota / totals.quota_tokens
    if use.requests_used:
        limit = min(limit, 1 / use.requests_used)
    if use.reservation(value) <= use.bucket_size / 2:
        return limit
    return min(limit, _max_start_rate(use, value) / rate)


def _max_start_rate(use: TokenUse, max_tokens: int) -> float:
    """Calls a second that a bucket smaller than two reservations allows."""
    return max(1 / max(use.totals.mean_latency, 1e-3), use.tpm / 60 / use.reservation(max_tokens))
