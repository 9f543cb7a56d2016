"""Tells a person what happens in a run, a line each, and not more often than is of use."""

from collections import Counter

from cli.render.numbers import duration
from cli.render.progress.display import Display
from jobs.pipeline import events
from ratelimit.outcome import Outcome

MANY = 10
"""Lines of one kind before they are only counted: the files in the output directory name them all."""

ALIKE = 3
"""Lines that give the same reason."""

LONG_PAUSE = 5.0
"""Seconds of a pause worth a line."""

NOT_REACHED = "it is tried again; if the endpoint or the network is wrong, end this with Ctrl-C and run it again"

OUTAGE = {
    "wait": "the run waits for it; Ctrl-C ends it, and the next run goes on from there",
    "fallback": "until then excerpts stand in for answers, marked as such; the next run calls for them",
}
"""What comes of an outage, and what can be done about it, by --on-outage."""

_HEARD = (Outcome.OK, Outcome.INCOMPLETE, Outcome.THROTTLED, Outcome.INVALID, Outcome.FATAL)
"""Outcomes of calls that reached the service, and were heard."""


class Narrator:
    """Turns events into lines above the progress display."""

    def __init__(self, screen: Display, *, verbose: bool, on_outage: str = "wait") -> None:
        self._screen = screen
        self._verbose = verbose
        self._on_outage = on_outage
        self._reached = False
        """Whether a call was answered, or it was told that none is."""
        self._told: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()

    def __call__(self, event: events.Event) -> None:
        """Tell of an event, if it is worth a line."""
        match event:
            case events.DocumentRead(status="unreadable" | "empty"):
                what = "cannot read" if event.status == "unreadable" else "nothing to analyse in"
                self._tell(event.status, f"{what} {event.path}: {event.error}", "documents.jsonl lists them all")
            case events.UnitClosed() if event.status != "ok":
                self._tell_unit(event)
            case events.CallEnded() if event.outcome in _HEARD:
                self._reached = True
            case events.Retrying() if not self._reached:
                self._reached = True
                self._screen.notice(f"no call was answered yet: {event.reason}", NOT_REACHED)
            case events.BreakerChanged():
                self._tell_outage(event)
            case events.RateChanged() if event.reason:
                self._screen.notice(event.sentence)
            case events.Stopping():
                self._screen.notice(f"stopping: {event.reason}", event.hint)
            case events.Paused() if self._verbose or event.seconds >= LONG_PAUSE:
                self._screen.notice(f"no call starts for {event.seconds:.1f} s: {event.reason}")
            case events.Notice():
                self._screen.notice(event.text, event.hint)

    def _tell_outage(self, event: events.BreakerChanged) -> None:
        if event.new != "open":
            self._screen.notice(event.sentence)
        elif self._on_outage != "fail":  # else the run stops for it, and says so
            hint = OUTAGE[self._on_outage] if event.old == "closed" else ""
            if not self._reached:
                hint = f"no call was answered yet, so check endpoint and network; {hint}"
            self._reached = True
            self._screen.notice(f"{event.sentence}; it is tried again in {duration(event.seconds)}", hint)

    def _tell_unit(self, event: events.UnitClosed) -> None:
        where = f"{event.document}, {event.heading}" if event.heading else event.document
        why = ": ".join(part for part in (event.code, event.message) if part)
        if not self._verbose:
            if self._told[event.status] > MANY:
                return  # reasons that nobody will be told are not kept either
            self._reasons[why] += 1
            if self._reasons[why] > ALIKE:
                return
        self._tell(event.status, f"{event.status}: {where}: {why}", "results.jsonl lists them all")

    def _tell(self, kind: str, line: str, where: str) -> None:
        self._told[kind] += 1
        if self._told[kind] <= MANY or self._verbose:
            self._screen.notice(line)
        elif self._told[kind] == MANY + 1:
            self._screen.notice(f"further ones that are {kind} are only counted; {where}")
