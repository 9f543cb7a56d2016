"""Pauses and outages: why calls are on hold, and how long outages lasted."""

from dataclasses import dataclass

from jobs.pipeline import events


@dataclass(slots=True)
class Interruptions:
    """The fold of pauses and breaker changes. Times are seconds on the run's clock."""

    outage: str = ""
    """What is wrong with the service; empty while it is available."""
    outage_seconds: float = 0.0
    """Total of the outages that ended."""
    _outage_start: float = 0.0
    _next_probe: float = 0.0
    _pause: str = ""
    _pause_end: float = 0.0

    def pause(self, event: events.Paused, now: float) -> None:
        self._pause, self._pause_end = event.reason, now + event.seconds

    def breaker_changed(self, event: events.BreakerChanged, now: float) -> None:
        self._next_probe = now + event.seconds
        self.outage = "" if event.new == "closed" else event.sentence
        if event.old == "closed":
            self._outage_start = now
        elif event.new == "closed":
            self.outage_seconds += now - self._outage_start

    def current(self, now: float) -> tuple[str, float]:
        """Why calls are on hold and for how many seconds; ("", 0.0) if they are not. An outage hides a pause."""
        if self.outage:
            return self.outage, max(0.0, self._next_probe - now)
        if self._pause and now < self._pause_end:
            return self._pause, self._pause_end - now
        return "", 0.0
