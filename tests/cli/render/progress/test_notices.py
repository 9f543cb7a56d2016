"""What a run tells a person, and how often."""

import pytest

from cli.render.progress.notices import ALIKE, MANY, NOT_REACHED, OUTAGE, Narrator
from jobs.pipeline import events
from ratelimit.outcome import Outcome


class Screen:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def notice(self, text: str, hint: str = "") -> None:
        self.lines.append(f"{text} | {hint}" if hint else text)

    error = notice


def told(*happened: events.Event, verbose: bool = False, on_outage: str = "wait") -> list[str]:
    screen = Screen()
    narrator = Narrator(screen, verbose=verbose, on_outage=on_outage)  # type: ignore[arg-type]
    for event in happened:
        narrator(event)
    return screen.lines


def failed(document: str, message: str) -> events.UnitClosed:
    return events.UnitClosed("failed", document, "Leave", "ValidationException", message)


def test_what_cannot_be_read_is_named_with_its_reason():
    assert told(events.DocumentRead("a.pdf", "unreadable", 0, 0, "no reader")) == ["cannot read a.pdf: no reader"]
    assert told(events.DocumentRead("a.md", "ok", 1, 1)) == []


def test_a_failed_section_is_named_with_its_place_and_reason():
    assert told(failed("a.md", "too long")) == ["failed: a.md, Leave: ValidationException: too long"]
    assert told(events.UnitClosed("ok", "a.md")) == []


def test_the_same_reason_is_told_a_few_times_only():
    assert len(told(*[failed(f"{n}.md", "alike") for n in range(100)])) == ALIKE


def test_many_of_a_kind_are_only_counted_and_the_line_says_where_they_all_are():
    lines = told(*[failed(f"{n}.md", f"reason {n}") for n in range(100)])
    assert len(lines) == MANY + 1
    assert lines[-1] == "further ones that are failed are only counted; results.jsonl lists them all"
    assert len(told(*[failed(f"{n}.md", f"reason {n}") for n in range(MANY)])) == MANY


def test_verbose_tells_all():
    assert len(told(*[failed(f"{n}.md", "alike") for n in range(100)], verbose=True)) == 100


def test_only_long_pauses_are_worth_a_line():
    assert told(events.Paused(0.5, "busy")) == []
    assert told(events.Paused(20.0, "busy")) == ["no call starts for 20.0 s: busy"]


OPENED = events.BreakerChanged("closed", "open", "5 calls in a row failed; the last one: 503", 60.0)
PROBING = events.BreakerChanged("open", "half-open", "probes find out whether it is back")
REOPENED = events.BreakerChanged("half-open", "open", "2 of 3 probes failed; the last one: 503", 120.0)
CLOSED = events.BreakerChanged("half-open", "closed", "2 of 3 probes were answered")
ANSWERED = events.CallEnded(Outcome.OK, 1.0)


def test_an_outage_is_told_line_by_line_with_its_reasons_and_what_to_do_once():
    first, *others = told(ANSWERED, OPENED, PROBING, REOPENED, PROBING, CLOSED)
    out = "the service is out: 5 calls in a row failed; the last one: 503; it is tried again in 1m 00s"
    assert first == f"{out} | {OUTAGE['wait']}"
    assert others == [
        "the service is tried again: probes find out whether it is back",
        "the service is still out: 2 of 3 probes failed; the last one: 503; it is tried again in 2m 00s",
        "the service is tried again: probes find out whether it is back",
        "the service is back: 2 of 3 probes were answered",
    ]


def test_an_outage_that_excerpts_stand_in_for_says_so():
    (line,) = told(ANSWERED, OPENED, on_outage="fallback")
    assert "excerpts stand in for answers" in line


def test_an_outage_that_ends_the_run_is_told_by_the_stop_alone():
    assert told(ANSWERED, OPENED, on_outage="fail") == []


REFUSED = events.Retrying("ConnectError: cannot connect to 127.0.0.1:9: connection refused")


def test_if_no_call_was_answered_yet_the_first_failure_is_told_at_once():
    assert told(REFUSED, REFUSED) == [
        f"no call was answered yet: ConnectError: cannot connect to 127.0.0.1:9: connection refused | {NOT_REACHED}"
    ]


@pytest.mark.parametrize("outcome", [Outcome.OK, Outcome.THROTTLED])
def test_once_a_call_was_heard_a_failure_is_only_counted(outcome):
    assert told(events.CallEnded(outcome, 1.0), REFUSED) == []


def test_an_outage_from_the_start_has_endpoint_and_network_checked():
    (line,) = told(OPENED, REFUSED)
    assert f" | no call was answered yet, so check endpoint and network; {OUTAGE['wait']}" in line


def test_a_stop_says_why_and_what_to_do():
    assert told(events.Stopping("SIGINT received", "once more ends the run at once")) == [
        "stopping: SIGINT received | once more ends the run at once"
    ]


def test_what_is_learned_of_a_quota_is_a_plain_line_unless_it_is_no_news():
    change = events.RateChanged("tokens", 598_000.0, "bucket", "token bucket, refills 598,000 a minute")
    assert told(change) == ["the quota in tokens: token bucket, refills 598,000 a minute"]
    assert told(events.RateChanged("tokens", 597_000.0, "bucket", "")) == []
