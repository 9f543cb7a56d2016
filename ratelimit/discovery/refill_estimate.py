"""A bucket's rate, from the moments at which it was empty (pure)."""

from dataclasses import dataclass, field

SURE = 20
"""Calls between two anchors from which on the rate counts as known: each is exact to about a call."""


@dataclass(frozen=True, slots=True)
class EmptyBucketSample:
    """A moment at which the server's bucket was empty."""

    at: float
    admitted: float
    """All that had ever been admitted by then."""
    calls: int
    """In so many calls."""

    def rate_since(self, earlier: "EmptyBucketSample") -> float:
        """Admitted a second since another one."""
        return (self.admitted - earlier.admitted) / (self.at - earlier.at)


@dataclass(slots=True)
class RefillEstimate:
    """The rate of a bucket: between two moments at which it was empty, admitted / elapsed is just that.

    It is the delivery rate of BBR (Cardwell et al., ACM Queue 14(5), 2016) with throttles in the place of delays.

    RefillEstimate that lie on one line are kept: the longer the line, the better the rate is known.
    """

    line: list[EmptyBucketSample] = field(default_factory=list)
    _residual: float = 0.0

    @property
    def rate(self) -> float | None:
        """Per second; None until there are two anchors."""
        if len(self.line) < 2 or self.line[-1].at <= self.line[0].at:
            return None
        rise = self.line[-1].admitted - self.line[0].admitted
        return rise / self.age if rise > 0 else None

    @property
    def age(self) -> float:
        """Seconds from the first to the last."""
        return self.line[-1].at - self.line[0].at

    @property
    def calls(self) -> int:
        """How many calls were admitted between the first and the last."""
        return self.line[-1].calls - self.line[0].calls

    @property
    def sure(self) -> bool:
        """Whether the rate counts as known."""
        return self.rate is not None and self.calls >= SURE

    def add(self, anchor: EmptyBucketSample, mean: float) -> None:
        """Add the latest one; `mean` is what a call costs. Off the line, the quota has changed: a new line begins.

        An anchor is exact to about a call; small residuals of one sign add up to a change as well.
        """
        if self.line:
            last, rate = self.line[-1], self.rate
            step = anchor.admitted - last.admitted
            if rate is not None:
                residual = step - rate * (anchor.at - last.at)
                self._residual = residual if step >= 20 * mean else self._residual + residual
                if abs(self._residual) > 1.5 * mean + 0.01 * step:
                    self._residual = 0.0
                    self.line = self.line[-3:] if step < 5 * mean else self.line[-1:]
        self.line.append(anchor)
        if rate := self.rate:
            oldest = anchor.at - max(400.0, 60 * mean / rate)
            while len(self.line) > 2 and self.line[0].at < oldest:
                del self.line[0]
