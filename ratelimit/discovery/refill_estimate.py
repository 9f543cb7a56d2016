"""A bucket's rate, from the moments at which it was empty (pure)."""

from dataclasses import dataclass, field

SURE = 20
"""Calls between the first and last sample that make the rate reliable; each sample is exact to about a call."""


@dataclass(frozen=True, slots=True)
class EmptyBucketSample:
    """A moment at which the server's bucket was empty."""

    at: float
    admitted: float
    """Total admitted by then."""
    calls: int
    """Number of calls admitted by then."""

    def rate_since(self, earlier: "EmptyBucketSample") -> float:
        """Admitted per second since an earlier sample."""
        return (self.admitted - earlier.admitted) / (self.at - earlier.at)


@dataclass(slots=True)
class RefillEstimate:
    """The rate of a bucket: between two moments at which it was empty, admitted / elapsed equals the refill rate.

    This is the delivery rate of BBR (Cardwell et al., ACM Queue 14(5), 2016) with throttles in place of delays.
    Samples that lie on one line are kept: the longer the line, the better the estimate.
    """

    line: list[EmptyBucketSample] = field(default_factory=list)
    _residual: float = 0.0

    @property
    def rate(self) -> float | None:
        """Per second; None until there are two samples."""
        if len(self.line) < 2 or self.line[-1].at <= self.line[0].at:
            return None
        rise = self.line[-1].admitted - self.line[0].admitted
        return rise / self.age if rise > 0 else None

    @property
    def age(self) -> float:
        """Seconds from the first to the last sample."""
        return self.line[-1].at - self.line[0].at

    @property
    def calls(self) -> int:
        """Calls admitted between the first and the last sample."""
        return self.line[-1].calls - self.line[0].calls

    @property
    def sure(self) -> bool:
        """Whether the rate is reliable."""
        return self.rate is not None and self.calls >= SURE

    def add(self, sample: EmptyBucketSample, mean: float) -> None:
        """Add the latest sample; `mean` is the cost of a call. Off the line the quota has changed: start a new line.

        A sample is exact to about a call; small residuals of one sign add up to a change as well.
        """
        if self.line:
            last, rate = self.line[-1], self.rate
            step = sample.admitted - last.admitted
            if rate is not None:
                residual = step - rate * (sample.at - last.at)
                self._residual = residual if step >= 20 * mean else self._residual + residual
                if abs(self._residual) > 1.5 * mean + 0.01 * step:
                    self._residual = 0.0
                    self.line = self.line[-3:] if step < 5 * mean else self.line[-1:]
        self.line.append(sample)
        if rate := self.rate:
            oldest = sample.at - max(400.0, 60 * mean / rate)
            while len(self.line) > 2 and self.line[0].at < oldest:
                del self.line[0]
