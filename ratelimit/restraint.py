"""How a client holds itself back: with its first calls, and after a throttle."""

import asyncio
from collections.abc import Callable

from ratelimit.congestion import CongestionWindow
from ratelimit.gate import Gate
from ratelimit.retry import throttle_pause

PROBES = 8
"""Calls in flight until one was answered: if every call is refused alike, few find out."""
PROBE_TIME = 0.3
"""Seconds after which the rest may start though no answer has come: refusals are quick, answers are slow."""


class Restraint:
    """Sets a gate's places and pauses by what becomes of the calls."""

    def __init__(
        self, gate: Gate, suspicious: Callable[[], bool], uniform: Callable[[], float], *, quota_told: bool
    ) -> None:
        """`suspicious` tells whether calls were refused as every other may be, and none was answered.

        Where the quota was told, a throttle says nothing of how many calls may be in flight.
        """
        self._gate, self._suspicious, self._uniform, self._quota_told = gate, suspicious, uniform, quota_told
        self._window = CongestionWindow(gate.places)
        self._wide = False
        self._timer: asyncio.TimerHandle | None = None
        self._refusals, self._paused_at = 0, -1.0
        gate.places = min(PROBES, gate.places)

    def sent(self) -> None:
        """A call is on its way."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PROBE_TIME, self._widen)

    def answered(self) -> None:
        """A call was answered."""
        self._refusals //= 2
        self._window.answered()
        self._wide = True
        self._widen()

    def throttled(self, sent_at: float, retry_after: float | None) -> float:
        """A call that was sent then was throttled: seconds for which all are held back from now on.

        0.0 if it belongs to a burst of refusals that they are held back for already.
        """
        if sent_at < self._paused_at:
            return 0.0
        self._refusals += 1
        self._paused_at = asyncio.get_running_loop().time()
        if not self._quota_told:
            self._window.refused(self._gate.in_flight)
            self._widen()
        pause = throttle_pause(self._refusals, retry_after, self._uniform())
        self._gate.pause(pause)
        return pause

    def _widen(self) -> None:
        """Open the gate as wide as the window, once an answer has come, or none of the first calls was refused."""
        self._wide = self._wide or not self._suspicious()
        if self._wide and self._gate.places != self._window.places:
            self._gate.places = self._window.places
