"""Bedrock's quota accounting for each model (pure)."""

from dataclasses import dataclass
from typing import Literal

from ratelimit.algorithms.fixed_window import FixedWindow
from ratelimit.algorithms.protocol import Limiter
from ratelimit.algorithms.sliding_log import SlidingLog
from ratelimit.algorithms.token_bucket import TokenBucket
from ratelimit.errors import NeverFitsError
from ratelimit.quota_book import Dimension, QuotaBook, Reservation

Refill = Literal["bucket", "fixed", "sliding"]
_MINUTE, _DAY = 60.0, 86_400.0


@dataclass(frozen=True, slots=True)
class QuotaRules:
    """The quotas of each model; None: unlimited."""

    rpm: float | None = None
    """Requests per minute."""
    tpm: float | None = None
    """Tokens per minute."""
    tpd: float | None = None
    """Tokens per day."""
    refill: Refill = "bucket"
    """Token bucket, fixed window or sliding window. AWS does not document which it uses."""
    burst: float = 1.0
    """Size of a token bucket: this many seconds of the quota per minute, at most one minute."""
    burndown: float = 1.0
    """Quota tokens per output token, charged at settlement (AWS: 1 to 15, depending on the model)."""
    max_output_tokens: int = 65_536
    """The model's maximum output: the reservation of a call without maxTokens."""


class Quotas:
    """The quotas of every model called so far, by the last part of its id or ARN."""

    def __init__(self, rules: QuotaRules) -> None:
        self.rules = rules
        self._books: dict[str, QuotaBook] = {}

    def book(self, model: str) -> QuotaBook:
        name = model.rpartition("/")[2]
        if name not in self._books:
            self._books[name] = QuotaBook(_dimensions(self.rules))
        return self._books[name]

    def reserve(self, now: float, model: str, input_tokens: int, max_tokens: int | None) -> Reservation | str:
        """Reserve input + maxTokens from all quotas of a model, or reserve nothing and name the exhausted quota.

        `input_tokens` includes prompt cache writes and excludes prompt cache reads.
        """
        total = input_tokens + (self.rules.max_output_tokens if max_tokens is None else max_tokens)
        book = self.book(model)
        try:
            amounts = book.amounts({"requests": 1.0, "tokens": total, "tokens-per-day": total})
        except NeverFitsError as error:
            return error.quota
        reservation = book.try_reserve(now, amounts)
        return reservation if isinstance(reservation, Reservation) else book.lacking(now, amounts)

    def settle(self, now: float, model: str, reservation: Reservation, input_tokens: int, output_tokens: int) -> None:
        """Replace the reservation by input (as in `reserve`) + output x burndown, which may leave the quota in debt."""
        used = input_tokens + output_tokens * self.rules.burndown
        self.book(model).settle(now, reservation, {"requests": 1.0, "tokens": used, "tokens-per-day": used})


def _dimensions(rules: QuotaRules) -> dict[str, Dimension]:
    quotas = (("requests", rules.rpm, _MINUTE), ("tokens", rules.tpm, _MINUTE), ("tokens-per-day", rules.tpd, _DAY))
    return {
        name: Dimension(_limiter(rules, quota, window), quota) for name, quota, window in quotas if quota is not None
    }


def _limiter(rules: QuotaRules, quota: float, window: float) -> Limiter:
    match rules.refill:
        case "fixed":
            return FixedWindow(quota, window)
        case "sliding":
            return SlidingLog(quota, window)
        case "bucket":
            # A quota per day can be used within an hour, so its bucket holds the whole day.
            capacity = quota if window == _DAY else quota * min(rules.burst / window, 1.0)
            return TokenBucket(quota / window, capacity)
