"""The fold of a run's events: a Snapshot for displays while it runs."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from jobs.pipeline import events
from jobs.pipeline.stage import Stage
from jobs.progress.advice import Advice, TokenUse, smaller_max_tokens
from jobs.progress.rate_window import RATE_WINDOW, Pace, RateWindow
from jobs.progress.snapshot import Quota, Snapshot
from ratelimit.discovery.learned import figure
from ratelimit.outcome import Outcome

REQUESTS_BIND = 0.95
"""Of the quota in requests: then it is not tokens that hold the run back."""

FEW_SECONDS, MOST_SECONDS = 10.0, 50.0
"""After which the pace of the answers tells how long the rest takes; in between it depends on how long one takes."""


def no_stages() -> tuple[Stage, ...]:
    """The stages of a run that has not begun."""
    return ()


@dataclass(slots=True)
class Stats:
    """Folds events into counts, in one thread; `snapshot` changes nothing and may be called from any other."""

    clock: Callable[[], float]
    quota: Quota = field(default_factory=Quota)
    stages: Callable[[], tuple[Stage, ...]] = no_stages
    priced: bool = True
    max_tokens: int = 0
    """What each call reserves for its answer."""
    concurrency: float = math.inf
    """Most calls in flight."""
    started: float = field(init=False)
    _counts: dict[str, int] = field(init=False)
    _cost: float = 0.0
    _sent: RateWindow = field(default_factory=RateWindow)
    _tokens: RateWindow = field(default_factory=RateWindow)
    _unused: int = 0
    """Calls that were sent and used nothing of any quota: refused, for whatever reason."""
    _quota_tokens: float = 0.0
    _burned: float = 0.0
    """The part of them that was output."""
    _longest: int = 0
    _answers: int = 0
    _waited: float = 0.0
    """Seconds of latency, of all answers."""
    _calling: tuple[float, float] | None = None
    """When the first and the last call were sent."""
    _latency: float = 0.0
    _pace: Pace = field(default_factory=Pace)
    _stopping: str = ""
    _pause: tuple[float, str] = (0.0, "")
    _outage: tuple[float, str] = (0.0, "")
    """When calls find out whether the service is back, and why it is taken to be out; empty if it is not."""
    _out_since: float = 0.0
    _lost: float = 0.0
    """Seconds of all outages that are over."""
    _totals: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        self.started = self.clock()
        self._counts = dict.fromkeys(_COUNTED, 0)

    def __call__(self, event: events.Event) -> None:
        """Take one event into account."""
        counts, now = self._counts, self.clock()
        match event:
            case events.CallSent():
                counts["calls"] += 1
                counts["in_flight"] += 1
                counts["retried"] += event.is_retry
                self._sent.add(now)
                self._calling = (self._calling or (now, now))[0], now
            case events.CallEnded():
                self._call_ended(event, now)
            case events.UnitClosed():
                counts["units_done"] += 1
                self._pace.add(now)
                counts[event.status] += 1
            case events.Enrolled() | events.DocumentRead():
                self._read(event)
            case events.Surveyed():
                self._totals = event.documents, event.bytes
            case events.Stopping():
                self._stopping = event.reason
            case events.Paused() | events.BreakerChanged():
                self._hold_back(event, now)
            case events.RateChanged():
                self._learned(event)

    def _learned(self, event: events.RateChanged) -> None:
        amount = None if event.per_minute is None else figure(event.per_minute)
        if event.quota == "requests":
            self.quota = replace(self.quota, rpm=amount, rpm_kind=event.kind or None)
        else:
            self.quota = replace(self.quota, tpm=amount, tpm_kind=event.kind or None)

    def _hold_back(self, event: events.Paused | events.BreakerChanged, now: float) -> None:
        if isinstance(event, events.Paused):
            self._pause = now + event.seconds, event.reason
        else:
            self._outage = now + event.seconds, "" if event.new == "closed" else event.sentence
            if event.old == "closed":
                self._out_since = now
            elif event.new == "closed":
                self._lost += now - self._out_since
                self._pace = Pace()

    def _held_back(self, now: float) -> tuple[str, float]:
        """Why calls are held back, and for how long."""
        for (until, reason), lasts in ((self._outage, True), (self._pause, False)):
            if reason and (lasts or now < until):
                return reason, max(0.0, until - now)
        return "", 0.0

    def _read(self, event: events.Enrolled | events.DocumentRead) -> None:
        counts = self._counts
        if isinstance(event, events.DocumentRead):
            counts["documents"] += 1
            counts["bytes_read"] += event.bytes
            counts["sections_read"] += event.sections
            counts["unreadable"] += event.status == "unreadable"
            return
        counts["sections"] += event.sections
        counts["units"] += event.new
        for name in ("resumed", "cached", "duplicates", "skipped"):
            counts[name] += getattr(event, name)

    def _call_ended(self, event: events.CallEnded, now: float) -> None:
        counts = self._counts
        counts["in_flight"] -= 1
        if not event.sent:
            counts["calls"] -= 1
            counts["retried"] -= event.is_retry
            self._sent.add(now, -1)
        elif event.usage is None and event.outcome is not Outcome.UNKNOWN:
            self._unused += 1
        if event.outcome is Outcome.THROTTLED:
            counts["throttled"] += 1
        if event.usage is not None:
            counts["input_tokens"] += event.usage.input_tokens
            counts["output_tokens"] += event.usage.output_tokens
            self._tokens.add(now, round(event.quota_tokens))
            self._answers += 1
            self._waited += event.latency
            self._longest = max(self._longest, event.usage.output_tokens)
            self._burned += event.quota_tokens - event.usage.input_tokens - event.usage.cache_write_tokens
            self._latency += (event.latency - self._latency) * (0.05 if self._latency else 1.0)
        self._quota_tokens += event.quota_tokens
        self._cost += event.cost_usd or 0.0

    def _used(self) -> tuple[float | None, float | None]:
        """The parts of the two quotas that were used."""
        quota, (first, last) = self.quota, self._calling or (0.0, 0.0)
        admitted = self._counts["calls"] - self._unused

        def part(amount: float, per_minute: float | None, kind: str | None) -> float | None:
            minutes = (last - first + (0.0 if kind else quota.burst_s)) / 60
            if not per_minute or not minutes or self._calling is None:
                return None
            used = amount / (per_minute * minutes)
            return min(1.0, used) if kind else used

        return part(admitted, quota.rpm, quota.rpm_kind), part(self._quota_tokens, quota.tpm, quota.tpm_kind)

    def _advice(self, requests: float | None) -> tuple[Advice, ...]:
        quota = self.quota
        if not quota.tpm or self._calling is None or (requests or 0.0) > REQUESTS_BIND:
            return ()
        use = TokenUse(
            answers=self._answers,
            settled=self._quota_tokens,
            burned=self._burned,
            longest=self._longest,
            max_tokens=self.max_tokens,
            latency=self._waited / max(1, self._answers),
            seconds=self._calling[1] - self._calling[0],
            tpm=quota.tpm,
            windows=quota.tpm_kind in ("fixed", "sliding"),
            bucket=math.inf if quota.tpm_kind else quota.burst_s * quota.tpm / 60,
            requests=requests or 0.0,
            outage=bool(self._lost or self._outage[1]),
            concurrency=self.concurrency,
        )
        advice = smaller_max_tokens(use)
        return () if advice is None else (advice,)

    def snapshot(self) -> Snapshot:
        """The run as it stands now."""
        now = self.clock()
        elapsed = now - self.started
        window = min(max(elapsed, 1.0), RATE_WINDOW)
        documents_total, bytes_total = self._totals or (None, None)
        paused, next_call = self._held_back(now)
        requests, tokens = self._used()
        shot = Snapshot(
            **self._counts,
            elapsed=elapsed,
            stopping=self._stopping,
            paused=paused,
            next_call=next_call,
            documents_total=documents_total,
            bytes_total=bytes_total,
            cost_usd=self._cost if self.priced else None,
            calls_per_minute=self._sent.total(now) * 60 / window,
            tokens_per_minute=self._tokens.total(now) * 60 / window,
            latency=self._latency,
            quota=replace(self.quota, source=_source(self.quota, tokens_bind=(tokens or 0.0) > (requests or 0.0))),
            utilisation=max((part for part in (requests, tokens) if part is not None), default=None),
            advice=self._advice(requests),
            stages=self.stages(),
        )
        return shot if self._outage[1] else replace(shot, eta=self._eta(shot, now))

    def _eta(self, shot: Snapshot, now: float) -> float | None:
        """Seconds to the end: by the quotas, and by the pace of late if that is slower, as others may throttle us."""
        fraction = shot.fraction
        if shot.stopping or not fraction or fraction >= 1 or shot.elapsed < 2:
            return None
        if not shot.units_done:  # nothing to call for so far: it is reading that takes the time
            return (shot.elapsed - self._lost) * (1 - fraction) / fraction
        # Of what was not read yet as well: it is the same share of the whole as of what was read.
        left = round(shot.units_done * (1 - fraction) / fraction)
        begun, last = self._calling or (now, now)
        to_begin = max(0, left - shot.in_flight)
        to_end = shot.latency if to_begin else max(0.0, shot.latency - (now - last))
        if (pace := self._pace.seconds(now, min(FEW_SECONDS + 2 * shot.latency, MOST_SECONDS))) is not None:
            by_pace = left * pace
        else:  # while there are few answers, what is in flight tells as much as they do
            by_pace = to_begin * (now - begun - self._lost) / (shot.units_done + shot.in_flight) + to_end
        return max(self._least_seconds(to_begin) + to_end, by_pace, shot.next_call)

    def _least_seconds(self, calls: int) -> float:
        """That so many calls take by the quotas alone; 0.0 where none is known."""
        each = (self.quota.rpm, 1.0), (self.quota.tpm, self._quota_tokens / max(1, self._answers))
        return max(calls * amount * 60 / quota if quota else 0.0 for quota, amount in each)


def _source(quota: Quota, *, tokens_bind: bool) -> str | None:
    kind = quota.rpm_kind if quota.tpm is None or (quota.rpm is not None and not tokens_bind) else quota.tpm_kind
    if quota.rpm is None and quota.tpm is None:
        return None
    return "learned" if kind else "configured"


_COUNTED = (
    "documents",
    "bytes_read",
    "sections_read",
    "unreadable",
    "sections",
    "resumed",
    "cached",
    "duplicates",
    "skipped",
    "units",
    "units_done",
    "ok",
    "incomplete",
    "failed",
    "held",
    "fallback",
    "calls",
    "in_flight",
    "throttled",
    "retried",
    "input_tokens",
    "output_tokens",
)
