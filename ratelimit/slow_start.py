"""The first few calls find out whether every call is throttled."""

import asyncio
from collections.abc import Callable

from ratelimit.gate import Gate

PROBES = 8
"""Calls in flight until one was answered: if every call is throttled alike, few find out."""
PROBE_TIME = 0.3
"""Seconds after which the rest may start though no answer has come: throttles are quick, answers are slow."""


class SlowStart:
    """Keeps a gate narrow until a call was answered, or none of the first was throttled as every other would be."""

    def __init__(self, gate: Gate, suspicious: Callable[[], bool]) -> None:
        """`suspicious` tells whether calls were throttled as every other may be, and none was answered."""
        self._gate, self._suspicious = gate, suspicious
        self._wide = gate.max_in_flight
        self._timer: asyncio.TimerHandle | None = None
        gate.max_in_flight = min(PROBES, gate.max_in_flight)

    def sent(self) -> None:
        """A call is on its way."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PROBE_TIME, self._look)

    def answered(self) -> None:
        """A call was answered: all may go."""
        if self._gate.max_in_flight != self._wide:
            self._gate.max_in_flight = self._wide

    def _look(self) -> None:
        if not self._suspicious():
            self.answered()
