"""Slow start: few calls in flight until one is answered, so a rejection of every call costs only a few."""

import asyncio
from collections.abc import Callable

from ratelimit.gate import Gate

PROBES = 8
"""Calls in flight until the first answer."""
PROBE_TIME = 0.3
"""Seconds after the first call; without a rejection the limit is lifted then. Rejections are fast, answers are slow."""


class SlowStart:
    """Limits the calls in flight from `begin` until the first answer, or PROBE_TIME without rejections."""

    def __init__(self, gate: Gate, rejected: Callable[[], bool]) -> None:
        """`rejected`: whether calls were rejected for a reason that applies to every call, and none was answered."""
        self._gate, self._rejected = gate, rejected
        self._max_in_flight = gate.max_in_flight
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        self._gate.max_in_flight = min(PROBES, self._max_in_flight)

    def sent(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PROBE_TIME, self._check)

    def answered(self) -> None:
        if self._gate.max_in_flight != self._max_in_flight:
            self._gate.max_in_flight = self._max_in_flight

    def _check(self) -> None:
        if not self._rejected():
            self.answered()
