"""How many calls may be in flight where nobody told a quota: additive increase, multiplicative decrease (pure).

Source: Chiu and Jain, "Analysis of the increase and decrease algorithms for congestion avoidance", 1989; TCP Reno.
Weakness: it bounds what is in flight, not a rate, so under a quota that refuses fast it uses less than there is. It is
a courtesy to the service, not a way to find its quota.
"""


class CongestionWindow:
    """The number of places, between 1 and `most`; it starts with all of them."""

    def __init__(self, most: int) -> None:
        self._most = self._size = float(most)

    @property
    def places(self) -> int:
        """How many calls may be in flight now."""
        return int(self._size)

    def answered(self) -> None:
        """A call was answered: one place more for each round of answers."""
        self._size = min(self._most, self._size + 1.0 / self._size)

    def refused(self, in_flight: int) -> None:
        """Of so many calls in flight some were throttled: half as many places."""
        self._size = max(1.0, min(self._size, in_flight) / 2)
