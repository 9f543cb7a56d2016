"""What would make a run faster (pure)."""

import math
from dataclasses import dataclass

ENOUGH = 20
"""Answers, of which the longest says something about the others."""
SPARE = 1.25
"""Of the longest answer: room for one that is longer."""
ROUND = 50
BINDS = 0.8
"""Of the quota: where less can be accounted for, something else holds the run back."""
WORTH = 1.05
"""Times as fast: less is not worth a line."""


@dataclass(frozen=True, slots=True)
class TokenUse:
    """What a run has made of a quota in tokens."""

    answers: int
    settled: float
    """Tokens that all answers took of the quota, burndown included; `burned` is the part of their output."""
    burned: float
    longest: int
    """Output tokens of the longest answer."""
    max_tokens: int
    latency: float
    """Mean seconds of a call."""
    seconds: float
    """From the first to the last call."""
    tpm: float
    windows: bool
    """Whether the quota is one of whole minutes, fixed or sliding, and no bucket."""
    bucket: float = math.inf
    """Tokens that the quota's bucket holds; infinite where nobody told."""
    requests: float = 0.0
    """The part of the quota in requests that was used."""
    outage: bool = False
    """Whether the service was out for a while."""
    concurrency: float = math.inf
    """Most calls in flight."""

    @property
    def reservation(self) -> float:
        """Tokens that a call takes when it starts: a mean."""
        return self.reserving(self.max_tokens)

    def reserving(self, max_tokens: int) -> float:
        """The same with another maxTokens."""
        return (self.settled - self.burned) / self.answers + max_tokens


@dataclass(frozen=True, slots=True)
class Advice:
    """Another value of an option."""

    option: str
    value: int
    faster: float
    """How many times as fast the run would have been."""
    text: str


def smaller_max_tokens(use: TokenUse) -> Advice | None:
    """Whether reserving maxTokens holds a run back, and how much faster a smaller one would make it.

    Bedrock reserves input + maxTokens when a call starts and gives back what it did not use when it ends, so a call in
    flight holds h = maxTokens - output x burndown tokens too many (output and its burndown: means of the answers). With
    S settled tokens an answer, L seconds of latency:

    - a bucket gets its r tokens a second either way, and serves r / S calls a second. What r / S x L calls in flight
      hold is lent once: h x L / S seconds of the quota, in the whole run.
    - of a window of 60 s, what is held at its end is lost: it serves quota / (S + h x L / 60) calls.

    Assumes that the quota is what holds the run back (BINDS is asked of it), and that sizes and latency stay as they
    were. A quota that was told is taken for a bucket: nobody knows how Bedrock's come back, and this one promises the
    least. But where a call reserves more than half of what the bucket holds, see `_without_overflow`.
    """
    if use.answers < ENOUGH or use.seconds <= 0.0:
        return None
    value = ROUND * math.ceil(SPARE * use.longest / ROUND)
    if value >= use.max_tokens:
        return None
    overflows = not use.windows and use.reservation > use.bucket / 2
    about, faster = ("up to", _without_overflow(use, value)) if overflows else ("about", _holding_less(use, value))
    if faster < WORTH:
        return None
    text = (
        f"tokens hold the run back, and --max-tokens {use.max_tokens} reserves more of them than the longest answer "
        f"took ({use.longest}): with --max-tokens {value} it would be {about} {100 * (faster - 1):.0f}% faster"
    )
    return Advice("--max-tokens", value, round(faster, 2), text)


def _holding_less(use: TokenUse, value: int) -> float:
    """How many times as fast a run is whose calls in flight hold less of a quota that is used up."""
    now, then = _needed(use, use.max_tokens), _needed(use, value)
    if now < BINDS * use.tpm * use.seconds / 60:
        return 1.0
    faster = now / then if use.windows else use.seconds / max(use.seconds - (now - then) * 60 / use.tpm, 1e-3)
    return min(faster, now / use.settled)  # without any reservation it is no faster than that


def _without_overflow(use: TokenUse, value: int) -> float:
    """How many times as fast a run is whose bucket no longer loses what ended calls give back, at the most.

    A bucket that holds less than two reservations overflows when a call ends, so its quota cannot be used up: a call
    starts when the one before has given back, or when the bucket has got a reservation, whichever comes first. Where
    calls started more seldom than that, something else held the run back; where all reservations together are less
    than the quota, or the calls in flight as many as there may be, tokens did not.
    """
    quota, rate = use.tpm * use.seconds / 60, use.answers / use.seconds
    tokens_bind = use.reservation * use.answers >= quota and rate >= BINDS * _starts(use, use.max_tokens)
    if use.outage or not tokens_bind or rate * use.latency >= BINDS * use.concurrency:
        return 1.0
    most = quota / use.settled
    if use.requests:
        most = min(most, 1 / use.requests)
    return most if use.reserving(value) <= use.bucket / 2 else min(most, _starts(use, value) / rate)


def _starts(use: TokenUse, max_tokens: int) -> float:
    """Calls a second that a bucket of less than two reservations lets start."""
    return max(1 / max(use.latency, 1e-3), use.tpm / 60 / use.reserving(max_tokens))


def _needed(use: TokenUse, max_tokens: int) -> float:
    """Tokens of the quota that the answers needed, what calls in flight held included."""
    held = max(0.0, max_tokens - use.burned / use.answers) * use.latency
    times = use.answers / 60 if use.windows else use.answers / use.seconds
    return use.settled + held * times
