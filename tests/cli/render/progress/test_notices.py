"""The messages of a run, and how many there are of each kind."""

import pytest

from cli.render.progress.notices import MAX_PER_KIND, NOT_REACHED, OUTAGE, THROTTLED, Notices
from jobs.pipeline import events
from ratelimit.outcome import Outcome


class Screen:
    """Keeps messages."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def notice(self, text: str, hint: str = "") -> None:
        self.lines.append(f"{text} | {hint}" if hint else text)

    error = warning = notice


def printed(*happened: events.Event, verbose: bool = False, on_outage: str = "wait") -> list[str]:
    screen = Screen()
    notices = Notices(screen, verbose=verbose, on_outage=on_outage)  # type: ignore[arg-type]
    for event in happened:
        notices(event)
    return screen.lines


def failed(document: str, message: str) -> events.UnitClosed:
    return events.UnitClosed("failed", document, "Leave", "ValidationException", message)


def test_an_unreadable_document_is_named_with_its_reason():
    assert printed(events.DocumentRead("a.pdf", "unreadable", 0, 0, "no reader")) == ["cannot read a.pdf: no reader"]
    assert printed(events.DocumentRead("a.md", "ok", 1, 1)) == []


def test_a_failed_section_is_named_with_its_place_and_reason():
    assert printed(failed("a.md", "too long")) == ["failed: a.md, Leave: ValidationException: too long"]
    assert printed(events.UnitClosed("ok", "a.md")) == []


def test_the_same_reason_is_printed_once_then_counted():
    assert printed(*[failed(f"{n}.md", "alike") for n in range(100)]) == [
        "failed: 0.md, Leave: ValidationException: alike",
        "failed: other sections for the same reason; results.jsonl lists them all",
    ]


def test_a_stop_does_not_repeat_a_reason_that_was_printed():
    stop = events.Stopping("the service rejects every call: ValidationException: no access")
    assert printed(failed("a.md", "no access"), stop)[-1] == "stopping: the service rejects every call"
    assert printed(stop) == ["stopping: the service rejects every call: ValidationException: no access"]


def test_many_of_a_kind_are_only_counted_and_the_last_message_names_the_file():
    lines = printed(*[failed(f"{n}.md", f"reason {n}") for n in range(100)])
    assert len(lines) == MAX_PER_KIND + 1
    assert lines[-1] == "more failed ones are not shown; results.jsonl lists them all"
    assert len(printed(*[failed(f"{n}.md", f"reason {n}") for n in range(MAX_PER_KIND)])) == MAX_PER_KIND


def test_verbose_prints_all():
    assert len(printed(*[failed(f"{n}.md", "alike") for n in range(100)], verbose=True)) == 100


def test_only_long_pauses_are_worth_a_message():
    assert printed(events.Paused(0.5, "busy")) == []
    assert printed(events.Paused(20.0, "busy")) == ["no call starts for 20.0 s: busy"]


OPENED = events.BreakerChanged("closed", "open", "5 calls in a row failed; the last one: 503", 60.0)
PROBING = events.BreakerChanged("open", "half-open", "probes find out whether it is back")
REOPENED = events.BreakerChanged("half-open", "open", "2 of 3 probes failed; the last one: 503", 120.0)
CLOSED = events.BreakerChanged("half-open", "closed", "2 of 3 probes were answered")
ANSWERED = events.CallEnded(Outcome.OK, 1.0)


def test_each_change_of_an_outage_is_printed_with_its_reason_and_the_hint_once():
    first, *others = printed(ANSWERED, OPENED, PROBING, REOPENED, PROBING, CLOSED)
    out = "the service is unavailable: 5 calls in a row failed; the last one: 503; next probe in 1m 00s"
    assert first == f"{out} | {OUTAGE['wait']}"
    assert others == [
        "probing the service: probes find out whether it is back",
        "the service is still unavailable: 2 of 3 probes failed; the last one: 503; next probe in 2m 00s",
        "probing the service: probes find out whether it is back",
        "the service is available again: 2 of 3 probes were answered",
    ]


def test_an_outage_with_fallback_says_that_excerpts_replace_answers():
    (line,) = printed(ANSWERED, OPENED, on_outage="fallback")
    assert "sections get a marked excerpt" in line


def test_an_outage_that_ends_the_run_has_only_the_message_of_the_stop():
    assert printed(ANSWERED, OPENED, on_outage="fail") == []


REFUSED = events.Retrying("ConnectError: cannot connect to 127.0.0.1:9: connection refused")


def test_before_any_answer_the_first_failure_is_printed_at_once():
    assert printed(REFUSED, REFUSED) == [
        f"no call has succeeded yet: ConnectError: cannot connect to 127.0.0.1:9: connection refused | {NOT_REACHED}"
    ]


@pytest.mark.parametrize("outcome", [Outcome.OK, Outcome.THROTTLED])
def test_once_the_service_was_reached_a_failure_is_only_counted(outcome):
    assert printed(events.CallEnded(outcome, 1.0), REFUSED) == []


def test_an_outage_from_the_start_says_to_check_endpoint_and_network():
    (line,) = printed(OPENED, REFUSED)
    assert f" | no call has succeeded yet, so check endpoint and network; {OUTAGE['wait']}" in line


def test_a_stop_says_why_and_what_to_do():
    assert printed(events.Stopping("SIGINT received", "a second signal ends the run at once")) == [
        "stopping: SIGINT received | a second signal ends the run at once"
    ]


def test_a_learned_quota_is_printed_unless_the_change_is_small():
    change = events.RateChanged("tokens", 598_000.0, "bucket", "token bucket, refills 598,000 a minute")
    assert printed(change) == ["token quota: token bucket, refills 598,000 a minute"]
    assert printed(events.RateChanged("tokens", 597_000.0, "bucket", "")) == []


def throttled_minutes(*minutes: tuple[int, int]) -> list[str]:
    """The messages after minutes with this many answered and throttled calls."""
    screen, now = Screen(), 0.0
    notices = Notices(screen, verbose=False, clock=lambda: now)  # type: ignore[arg-type]
    for answered, throttled in minutes:
        now += 60.0
        for outcome in [Outcome.OK] * answered + [Outcome.THROTTLED] * throttled:
            now += 0.001
            notices(events.CallEnded(outcome, 1.0))
    notices(events.CallEnded(Outcome.OK, 1.0))
    return screen.lines


def test_many_throttled_calls_are_reported_once():
    (line,) = throttled_minutes((2, 0), (5, 5), (5, 5), (5, 5), (5, 5))
    assert line.startswith("the service throttled 5")
    assert THROTTLED in line


def test_few_throttled_calls_are_not_reported():
    assert throttled_minutes((2, 0), (100, 10), (1, 1), (100, 10), (100, 10)) == []
