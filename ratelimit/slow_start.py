"""Slow start: few calls in flight until one is answered, so an outage, or a reason to reject every call, costs few."""

import asyncio
from collections.abc import Callable

from ratelimit.gate import Gate

PROBES = 8
"""Calls in flight at first, and how many more each second until the first answer. Failed calls may be billed, and may
take as long as answers."""
INTERVAL = 1.0
"""Seconds."""


class SlowStart:
    """Limits the calls in flight of a gate from `begin` until the first answer."""

    def __init__(self, gate: Gate, rejected: Callable[[], bool]) -> None:
        """`rejected`: whether calls were rejected for a reason that applies to every call; the limit then stays."""
        self._gate, self._rejected = gate, rejected
        self._max_in_flight = gate.max_in_flight
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        self._gate.max_in_flight = min(PROBES, self._max_in_flight)

    def sent(self) -> None:
        if self._timer is None and self._gate.max_in_flight < self._max_in_flight:
            self._timer = asyncio.get_running_loop().call_later(INTERVAL, self._raise)

    def answered(self) -> None:
        if self._gate.max_in_flight < self._max_in_flight:
            self._gate.max_in_flight = self._max_in_flight

    def _raise(self) -> None:
        self._timer = None
        if not self._rejected() and not self._gate.outage:
            self._gate.max_in_flight = min(self._gate.max_in_flight + PROBES, self._max_in_flight)
            self.sent()
