"""Folds the events of a run into a Snapshot for displays and the summary."""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace

from jobs.pipeline import events
from jobs.pipeline.stage import Stage
from jobs.progress.advice import Advice, TokenUse, smaller_max_tokens
from jobs.progress.answer_totals import AnswerTotals
from jobs.progress.counts import Counts
from jobs.progress.interruptions import Interruptions
from jobs.progress.rate_window import RATE_WINDOW, RateWindow, UnitRate
from jobs.progress.snapshot import Quota, Snapshot
from jobs.progress.time_left import CallTimes, time_left
from jobs.progress.utilisation import utilisation
from ratelimit.discovery.learned import figure
from ratelimit.outcome import Outcome


@dataclass(slots=True)
class Stats:
    """Folds events, in one thread. `snapshot` changes nothing: any thread may call it."""

    clock: Callable[[], float]
    quota: Quota = field(default_factory=Quota)
    emulated: bool = False
    stages: Callable[[], tuple[Stage, ...]] = tuple
    priced: bool = True
    """Whether the model's price is known."""
    max_tokens: int = 0
    """Output tokens that each call reserves."""
    concurrency: float = math.inf
    """Max in flight."""
    _started: float = field(init=False)
    _counts: Counts = field(default_factory=Counts)
    _totals: AnswerTotals = field(default_factory=AnswerTotals)
    _unadmitted: int = 0
    """Calls that took nothing of any quota: throttled or rejected."""
    _sent: RateWindow = field(default_factory=RateWindow)
    _quota_tokens: RateWindow = field(default_factory=RateWindow)
    _unit_rate: UnitRate = field(default_factory=UnitRate)
    _first_call: float | None = None
    _last_call: float = 0.0
    _interruptions: Interruptions = field(default_factory=Interruptions)
    _stopping: str = ""
    _first_failure: str = ""
    _inputs: events.InputsCounted | None = None

    def __post_init__(self) -> None:
        self._started = self.clock()

    def answers_before(self, longest: int) -> None:
        """Earlier runs have answers to the same question, the longest of this many output tokens."""
        self._totals.longest = longest

    def __call__(self, event: events.Event) -> None:
        now = self.clock()
        match event:
            case events.CallSent():
                self._call_sent(event, now)
            case events.CallEnded():
                self._call_ended(event, now)
            case events.UnitClosed():
                self._unit_closed(event, now)
            case events.Enrolled():
                self._enrolled(event)
            case events.DocumentRead():
                self._document_read(event)
            case events.InputsCounted():
                self._inputs = event
            case events.Stopping():
                self._stopping = event.reason
            case events.Paused() | events.BreakerChanged():
                self._interrupted(event, now)
            case events.RateChanged():
                self._rate_changed(event)

    def _call_sent(self, event: events.CallSent, now: float) -> None:
        self._counts.calls += 1
        self._counts.in_flight += 1
        self._counts.retried += event.is_retry
        self._sent.add(now)
        if self._first_call is None:
            self._first_call = now
        self._last_call = now

    def _call_ended(self, event: events.CallEnded, now: float) -> None:
        counts, usage = self._counts, event.usage
        counts.in_flight -= 1
        if not event.sent:
            counts.calls -= 1
            counts.retried -= event.is_retry
            self._sent.add(now, -1)
        elif usage is not None:
            counts.input_tokens += usage.input_tokens
            counts.output_tokens += usage.output_tokens
            self._quota_tokens.add(now, round(event.quota_tokens))
            self._totals.add(event, usage)
        elif event.outcome is not Outcome.UNKNOWN:  # a call with an unknown outcome may have used its reservation
            self._unadmitted += 1
        counts.throttled += event.outcome is Outcome.THROTTLED

    def _unit_closed(self, event: events.UnitClosed, now: float) -> None:
        self._counts.units_done += 1
        if event.status != "ok" and not self._first_failure:
            self._first_failure = ": ".join(part for part in (event.code, event.message) if part)
        # A status is the name of its counter.
        setattr(self._counts, event.status, getattr(self._counts, event.status) + 1)
        self._unit_rate.add(now)

    def _enrolled(self, event: events.Enrolled) -> None:
        counts = self._counts
        counts.sections += event.sections
        counts.units += event.new
        counts.resumed += event.resumed
        counts.cached += event.cached
        counts.duplicates += event.duplicates
        counts.skipped += event.skipped

    def _document_read(self, event: events.DocumentRead) -> None:
        counts = self._counts
        counts.documents += 1
        counts.bytes_read += event.bytes
        counts.sections_read += event.sections
        counts.unreadable += event.status == "unreadable"

    def _interrupted(self, event: events.Paused | events.BreakerChanged, now: float) -> None:
        if isinstance(event, events.Paused):
            self._interruptions.pause(event, now)
            return
        self._interruptions.breaker_changed(event, now)
        if event.new == "closed":
            self._unit_rate = UnitRate()  # the time of the outage must not lower the rate

    def _rate_changed(self, event: events.RateChanged) -> None:
        per_minute = None if event.per_minute is None else figure(event.per_minute)
        if event.quota == "requests":
            self.quota = replace(self.quota, rpm=per_minute, rpm_kind=event.kind or None)
        else:
            self.quota = replace(self.quota, tpm=per_minute, tpm_kind=event.kind or None)

    def snapshot(self) -> Snapshot:
        """The run as it is now."""
        now, counts, totals = self.clock(), self._counts, self._totals
        elapsed = now - self._started
        window = min(max(elapsed, 1.0), RATE_WINDOW)
        paused, next_call = self._interruptions.current(now)
        calling = None if self._first_call is None else self._last_call - self._first_call
        used = utilisation(self.quota, counts.calls - self._unadmitted, totals.quota_tokens, calling)
        shot = Snapshot(
            **asdict(counts),
            elapsed=elapsed,
            stopping=self._stopping,
            first_failure=self._first_failure,
            paused=paused,
            next_call=next_call,
            documents_total=self._inputs.documents if self._inputs else None,
            bytes_total=self._inputs.bytes if self._inputs else None,
            cost_usd=totals.cost_usd if self.priced else None,
            emulated=self.emulated,
            calls_per_minute=self._sent.total(now) * 60 / window,
            tokens_per_minute=self._quota_tokens.total(now) * 60 / window,
            latency=totals.recent_latency,
            quota=replace(self.quota, source=used.source(self.quota)),
            utilisation=used.highest,
            advice=self._advice(calling, used.requests),
            stages=self.stages(),
        )
        if not self._interruptions.outage:
            first, last = (now, now) if self._first_call is None else (self._first_call, self._last_call)
            timing = CallTimes(now, first, last, self._interruptions.outage_seconds)
            shot.eta = time_left(shot, timing, self._unit_rate, totals.mean_quota_tokens)
        return shot

    def _advice(self, seconds: float | None, requests_used: float | None) -> tuple[Advice, ...]:
        """`seconds` from the first to the last call; `requests_used` is the utilisation of the request quota."""
        quota, interruptions = self.quota, self._interruptions
        if not quota.tpm or seconds is None:
            return ()
        use = TokenUse(
            totals=self._totals,
            max_tokens=self.max_tokens,
            seconds=seconds,
            tpm=quota.tpm,
            windowed=quota.tpm_kind in ("fixed", "sliding"),
            bucket_size=math.inf if quota.tpm_kind else quota.burst_s * quota.tpm / 60,
            requests_used=requests_used or 0.0,
            had_outage=bool(interruptions.outage_seconds or interruptions.outage),
            concurrency=self.concurrency,
        )
        advice = smaller_max_tokens(use)
        return () if advice is None else (advice,)
