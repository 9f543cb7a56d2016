"""Slow start: few calls until one is answered."""

import asyncio
from collections.abc import Callable

from ratelimit.gate import Gate

PROBES = 8
"""Calls in flight until one is answered, so that few are lost if every call would be throttled alike."""
PROBE_TIME = 0.3
"""Seconds after which the rest may start without an answer: throttles are fast, answers are slow."""


class SlowStart:
    """Keeps a gate at PROBES in flight until a call is answered, or PROBE_TIME passes without a suspicious throttle."""

    def __init__(self, gate: Gate, suspicious: Callable[[], bool]) -> None:
        """`suspicious`: whether calls were throttled in a way that may hit every call, and none was answered."""
        self._gate, self._suspicious = gate, suspicious
        self._max_in_flight = gate.max_in_flight
        self._timer: asyncio.TimerHandle | None = None
        gate.max_in_flight = min(PROBES, gate.max_in_flight)

    def sent(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PROBE_TIME, self._check)

    def answered(self) -> None:
        if self._gate.max_in_flight != self._max_in_flight:
            self._gate.max_in_flight = self._max_in_flight

    def _check(self) -> None:
        if not self._suspicious():
            self.answered()
