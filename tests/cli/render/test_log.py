"""Log lines as text and as JSON."""

import json
from datetime import datetime, timedelta, timezone

import pytest

from cli.render import log
from cli.render.log import Message, as_json, bare, local_time, renderer, stamped

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, timezone(timedelta(hours=-3, minutes=-30)))
HOSTILE = "a\x1b[2J\nb\u2028\u202ec"


def test_each_line_of_text_begins_with_the_local_time_and_its_offset() -> None:
    message = Message("cannot read a.pdf", "open it", time=NOON)
    assert stamped(message) == (
        "2026-03-01T12:00:00-03:30 note: cannot read a.pdf\n2026-03-01T12:00:00-03:30 hint: open it\n"
    )
    assert bare(message) == "note: cannot read a.pdf\nhint: open it\n"
    assert local_time().tzinfo is not None


def test_json_is_one_object_a_line_with_time_level_event_message_and_figures() -> None:
    message = Message("done", event="progress", fields={"calls": 3, "eta_s": None}, time=NOON)
    assert json.loads(as_json(message)) == {
        "time": "2026-03-01T12:00:00.123-03:30", "level": "info", "event": "progress", "message": "done",
        "calls": 3, "eta_s": None,
    }  # fmt: skip
    assert json.loads(as_json(log.error("no", "try")))["hint"] == "try"


@pytest.mark.parametrize(
    ("message", "level", "event"),
    [(Message("a"), "info", "note"), (log.warning("a"), "warning", "note"), (log.error("a"), "error", "error")],
)
def test_json_tells_problems_from_other_notes(message: Message, level: str, event: str) -> None:
    line = json.loads(as_json(message))
    assert (line["level"], line["event"]) == (level, event)


def test_foreign_text_is_kept_in_json_and_is_neither_a_line_nor_a_control_character() -> None:
    line = as_json(Message(HOSTILE, HOSTILE))
    assert line.rstrip("\n").isascii()
    assert line.rstrip("\n").isprintable()
    assert json.loads(line)["message"] == HOSTILE
    assert stamped(Message(HOSTILE)).count("\n") == 1


def test_quiet_text_has_no_times() -> None:
    assert [renderer("text", quiet=False), renderer("text", quiet=True)] == [stamped, bare]
    assert renderer("json", quiet=True) is as_json
