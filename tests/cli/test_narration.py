"""What a run tells a person, and how often."""

from cli.narration import ALIKE, MANY, Narrator
from jobs import events


class Screen:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def notice(self, text: str, hint: str = "") -> None:
        self.lines.append(f"{text} | {hint}" if hint else text)

    error = notice


def told(*happened: events.Event, verbose: bool = False) -> list[str]:
    screen = Screen()
    narrator = Narrator(screen, verbose=verbose)  # type: ignore[arg-type]
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


def test_a_stop_says_why_and_what_to_do():
    assert told(events.Stopping("SIGINT received", "once more ends the run at once")) == [
        "stopping: SIGINT received | once more ends the run at once"
    ]
