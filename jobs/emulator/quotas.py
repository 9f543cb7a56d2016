"""Bedrock's own books over the calls of each model (pure)."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from ratelimit.algorithms.fixed_window import FixedWindow
from ratelimit.algorithms.protocol import Limiter
from ratelimit.algorithms.sliding_log import SlidingLog
from ratelimit.algorithms.token_bucket import TokenBucket
from ratelimit.errors import NeverFitsError
from ratelimit.quota import Dimension, QuotaBook, Reservation

Refill = Literal["bucket", "fixed", "sliding"]
_MINUTE, _DAY = 60.0, 86_400.0


@dataclass(frozen=True, slots=True)
class QuotaRules:
    """What each model may be called; None: as much as anybody likes."""

    rpm: float | None = None
    """Requests a minute."""
    tpm: float | None = None
    """Tokens a minute."""
    tpd: float | None = None
    """Tokens a day."""
    refill: Refill = "bucket"
    """How a quota comes back. AWS does not say which it is: all the time, at each full minute, or as calls age."""
    burst: float = 1.0
    """Seconds' worth of a minute's quota that a bucket holds at most."""
    burndown: float = 1.0
    """What an output token counts, once it is known (AWS: 1 to 15, by model)."""
    max_output_tokens: int = 65_536
    """The model's maximum: what a call without maxTokens reserves."""


class QuotaUsage(NamedTuple):
    """Tokens that a call used."""

    input_tokens: int
    output_tokens: int
    cache_write_tokens: int = 0


class Quotas:
    """The quotas of every model that was called; each has its own, by the last part of its id or ARN."""

    def __init__(self, rules: QuotaRules) -> None:
        self.rules = rules
        self._books: dict[str, QuotaBook] = {}

    def book(self, model: str) -> QuotaBook:
        """The quotas of one model."""
        name = model.rpartition("/")[2]
        if name not in self._books:
            self._books[name] = QuotaBook(_dimensions(self.rules))
        return self._books[name]

    def reserve(self, now: float, model: str, input_tokens: int, max_tokens: int | None) -> Reservation | str:
        """Take what a call may need from all quotas of its model, or nothing and name the one that is used up.

        The input includes what is written to the prompt cache; what is read from it does not count.
        """
        total = input_tokens + (self.rules.max_output_tokens if max_tokens is None else max_tokens)
        book = self.book(model)
        try:
            amounts = book.amounts({"requests": 1.0, "tokens": total, "tokens-per-day": total})
        except NeverFitsError as error:
            return error.quota
        reservation = book.try_reserve(now, amounts)
        return reservation if isinstance(reservation, Reservation) else book.lacking(now, amounts)

    def settle(self, now: float, model: str, reservation: Reservation, usage: QuotaUsage) -> None:
        """Correct what was reserved to what was used: input + cache write + output x burndown.

        It may be more than was reserved, and leave a debt.
        """
        used = usage.input_tokens + usage.cache_write_tokens + usage.output_tokens * self.rules.burndown
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
            # A day's quota may be used up in an hour: it is a stock, not a pace.
            held = quota if window == _DAY else quota * min(rules.burst / window, 1.0)
            return TokenBucket(quota / window, held)
