"""Log lines: what a run says on standard error, as text or as one JSON object a line."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from cli.render.text import safe


def local_time() -> datetime:
    """Now, in the zone of this machine: the times of cron's own log, yet each line names its offset to UTC."""
    return datetime.now(UTC).astimezone()


@dataclass(frozen=True, slots=True)
class Message:
    """Something that a run says; text and hint may be foreign."""

    text: str
    hint: str = ""
    event: Literal["note", "error", "progress", "end"] = "note"
    level: Literal["info", "warning", "error"] = "info"
    fields: Mapping[str, object] = field(default_factory=dict)
    """Figures, for JSON only."""
    time: datetime = field(default_factory=local_time)

    def lines(self) -> list[str]:
        """Safe lines: the message, and the hint if there is one."""
        kind = f"{self.event}: " if self.event in ("note", "error") else ""
        first = f"{kind}{safe(self.text)}"
        return [first, f"hint: {safe(self.hint)}"] if self.hint else [first]


def warning(text: str, hint: str = "") -> Message:
    return Message(text, hint, level="warning")


def error(text: str, hint: str = "") -> Message:
    return Message(text, hint, event="error", level="error")


Render = Callable[[Message], str]


def bare(message: Message) -> str:
    """Its lines without a time."""
    return "".join(f"{line}\n" for line in message.lines())


def stamped(message: Message) -> str:
    """Its lines, each after the time (ISO 8601, local time with offset)."""
    time = message.time.isoformat(timespec="seconds")
    return "".join(f"{time} {line}\n" for line in message.lines())


def as_json(message: Message) -> str:
    """One JSON object in ASCII on one line."""
    import json

    known = {
        "time": message.time.isoformat(timespec="milliseconds"),
        "level": message.level,
        "event": message.event,
        "message": message.text,
    }
    if message.hint:
        known["hint"] = message.hint
    return json.dumps({**known, **message.fields}) + "\n"


def renderer(log_format: Literal["text", "json"], *, quiet: bool) -> Render:
    """With `quiet` text has no times: it is mail, or an error below its command."""
    if log_format == "json":
        return as_json
    return bare if quiet else stamped
