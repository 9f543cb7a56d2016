"""Turns the events of a run into messages, and bounds how many there are of each kind."""

import time
from collections import Counter
from collections.abc import Callable

from cli.render.numbers import duration
from cli.render.progress.display import Display
from jobs.pipeline import events
from ratelimit.outcome import Outcome

MAX_PER_KIND = 10
"""Messages of one kind before they are only counted: the files in the output directory list them all."""

LONG_PAUSE = 5.0
"""Seconds of a pause worth a message."""

MINUTE = 60.0
"""Seconds over which throttled calls are counted."""
MANY_THROTTLED, MIN_CALLS = 0.25, 6
"""The share of the calls of a minute, and how many calls there must be, for a message."""
THROTTLED = "they are repeated and cost nothing; others may use the quota too, or it is smaller than configured"

NOT_REACHED = "the call is retried; if the endpoint or the network is wrong, press Ctrl-C, fix it and run again"

OUTAGE = {
    "wait": "the run waits; Ctrl-C ends it, and the next run resumes",
    "fallback": "sections get a marked excerpt; the next run replaces it",
}
"""What an outage means for the run, by --on-outage."""

_REACHED = (Outcome.OK, Outcome.INCOMPLETE, Outcome.THROTTLED, Outcome.INVALID, Outcome.FATAL)
"""Outcomes of calls that the service answered in some way."""


class Notices:
    """Prints messages for events on `screen`."""

    def __init__(
        self,
        screen: Display,
        *,
        verbose: bool,
        on_outage: str = "wait",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._screen, self._clock = screen, clock
        self._calls = self._throttled = 0
        """Calls that ended in this minute."""
        self._minute_ends = clock() + MINUTE
        self._said_throttled = False
        self._verbose = verbose
        self._on_outage = on_outage
        self._reached = False
        """Whether a call was answered, or the user knows that none is."""
        self._printed: Counter[str] = Counter()
        """Messages by kind."""
        self._reasons: Counter[str] = Counter()
        """Units without an answer, by reason, while their kind is still printed."""

    def __call__(self, event: events.Event) -> None:
        """Print a message for this event, if it is worth one."""
        match event:
            case events.DocumentRead(status="unreadable" | "empty"):
                what = "cannot read" if event.status == "unreadable" else "nothing to analyse in"
                self._print(event.status, f"{what} {event.path}: {event.error}", "documents.jsonl")
            case events.UnitClosed() if event.status != "ok":
                self._print_unit(event)
            case events.CallEnded():
                self._reached |= event.outcome in _REACHED
                self._count_throttled(event)
            case events.Retrying() if not self._reached:
                self._reached = True
                self._screen.notice(f"no call has succeeded yet: {event.reason}", NOT_REACHED)
            case events.BreakerChanged():
                self._print_outage(event)
            case events.RateChanged() if event.reason:
                self._screen.notice(event.sentence)
            case events.Stopping():
                self._screen.warning(f"stopping: {self._without_repetition(event.reason)}", event.hint)
            case events.Paused() if self._verbose or event.seconds >= LONG_PAUSE:
                self._screen.notice(f"no call starts for {event.seconds:.1f} s: {event.reason}")
            case events.Notice():
                self._screen.notice(event.text, event.hint)

    def _count_throttled(self, event: events.CallEnded) -> None:
        """Say it, once, if many calls are throttled for long: the rate then hides why so little is answered."""
        self._calls += 1
        self._throttled += event.outcome is Outcome.THROTTLED
        if self._clock() < self._minute_ends or self._said_throttled:
            return
        if self._calls >= MIN_CALLS and self._throttled >= MANY_THROTTLED * self._calls:
            self._said_throttled = True
            share = f"{self._throttled / self._calls:.0%}"
            self._screen.notice(f"the service throttled {share} of the calls of the last minute", THROTTLED)
        self._calls = self._throttled = 0
        self._minute_ends = self._clock() + MINUTE

    def _print_outage(self, event: events.BreakerChanged) -> None:
        if event.new != "open":
            self._screen.notice(event.sentence)
        elif self._on_outage != "fail":  # else the run stops with its own message
            hint = OUTAGE[self._on_outage] if event.old == "closed" else ""
            if not self._reached:
                hint = f"no call has succeeded yet, so check endpoint and network; {hint}"
            self._reached = True
            self._screen.warning(f"{event.sentence}; next probe in {duration(event.seconds)}", hint)

    def _print_unit(self, event: events.UnitClosed) -> None:
        where = f"{event.document}, {event.heading}" if event.heading else event.document
        reason = ": ".join(part for part in (event.code, event.message) if part)
        message = f"{event.status}: {where}: {reason}"
        if not self._verbose and self._printed[event.status] <= MAX_PER_KIND:
            self._reasons[reason] += 1
            if self._reasons[reason] == 2:
                message = f"{event.status}: other sections for the same reason; results.jsonl lists them all"
            elif self._reasons[reason] > 2:
                return
        self._print(event.status, message, "results.jsonl")

    def _print(self, kind: str, message: str, file: str) -> None:
        self._printed[kind] += 1
        if self._printed[kind] <= MAX_PER_KIND or self._verbose:
            self._screen.warning(message)
        elif self._printed[kind] == MAX_PER_KIND + 1:
            self._screen.notice(f"more {kind} ones are not shown; {file} lists them all")

    def _without_repetition(self, text: str) -> str:
        """The text without a reason at its end that was printed before."""
        for reason in self._reasons:
            if reason and text.endswith(f": {reason}"):
                return text.removesuffix(f": {reason}")
        return text
