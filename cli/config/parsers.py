"""Parsers of options: one value as text, or as a TOML value, into what the program works with.

Each raises a ValueError that says what is wrong; the option's name is added where the error is reported.
"""

import math
import re
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from jobs.requests.tasks import TASKS

if TYPE_CHECKING:
    from jobs.pipeline.stopping import MaxFailures

MAX_TEXT = 1 << 20
"""Bytes of a prompt or settings file: a larger file is neither (and `/dev/zero` has no end)."""

MAX_CALL_TOKENS = 10_000_000
"""More than the largest context of any model."""

_N = TypeVar("_N", int, float)
_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = rf"({_NUMBER})(ms|[smhd])"
_BYTES = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30}
_SIZE = rf"({_NUMBER}) ?([a-z]*)"


def switch(value: object) -> bool:
    written = str(value).strip().lower()
    if written in ("1", "true", "yes", "on"):
        return True
    if written in ("0", "false", "no", "off"):
        return False
    raise ValueError(f"must be true or false, not {value!r}")


def duration(value: object) -> float:
    """Seconds: `90`, `1.5`, `250ms`, `90s`, `15m`, `1h30m`, `2d`."""
    written = _written(value)
    if re.fullmatch(_NUMBER, written):
        seconds = float(written)
    elif re.fullmatch(f"(?:{_DURATION})+", written):
        seconds = sum(float(amount) * _SECONDS[unit] for amount, unit in re.findall(_DURATION, written))
    else:
        seconds = math.inf
    if not math.isfinite(seconds):
        raise ValueError(f"{written!r} is not a duration; write 90, 90s, 15m or 1h30m")
    return seconds


def some_time(value: object) -> float:
    """A duration above zero."""
    seconds = duration(value)
    if not seconds:
        raise ValueError("must be longer than 0 s")
    return seconds


def age(value: object) -> float:
    """A duration with its unit: `3` could be days as well as seconds, and answers are deleted by it."""
    if isinstance(value, str) and re.fullmatch(_NUMBER, value.strip()):
        raise ValueError(f"{value!r} has no unit; write {value.strip()}d or {value.strip()}h")
    return duration(value)


def size(value: object) -> int:
    """Bytes: `500000`, `10MB` (10^6 each), `64MiB` (2^20 each)."""
    written = _written(value)
    match = re.fullmatch(_SIZE, written.lower())
    if match is None or match[2] not in _BYTES:
        raise ValueError(f"{written!r} is not a size; write 500kB, 10MB or 64MiB")
    amount = float(match[1]) * _BYTES[match[2]]
    if not 1 <= amount < math.inf:
        raise ValueError("must be 1 byte or more")
    return int(amount)


def whole(value: object, *, minimum: int = 1) -> int:
    """A whole number of 1 or more."""
    written = _written(value)
    if not re.fullmatch(r"[0-9]{1,18}", written) or int(written) < minimum:
        raise ValueError(f"must be a whole number of {minimum} or more, not {written!r}")
    return int(written)


def seed(value: object) -> int:
    """A whole number of 0 or more."""
    return whole(value, minimum=0)


def at_most(maximum: float, parser: Callable[[object], _N], unit: str = "") -> Callable[[object], _N]:
    def parse(value: object) -> _N:
        parsed = parser(value)
        if parsed > maximum:
            raise ValueError(f"must be at most {maximum:,.0f}{unit}, not {value!r}")
        return parsed

    return parse


def number(fits: Callable[[float], bool], wording: str) -> Callable[[object], float]:
    """A parser of the numbers that fit; `wording` says which these are."""

    def parse(value: object) -> float:
        parsed = _number(value)
        if not fits(parsed):
            raise ValueError(f"must be {wording}, not {value!r}")
        return parsed

    return parse


tokens = at_most(MAX_CALL_TOKENS, whole, " tokens")
fraction = number(lambda x: 0 <= x <= 1, "a number from 0 to 1")
amount = number(lambda x: 0 <= x < math.inf, "a number of 0 or more")
positive = number(lambda x: 0 < x < math.inf, "a number above 0")


def rate(value: object) -> float | None:
    """A quota per minute; None for `auto`, infinity for `none`."""
    if value == "auto":
        return None
    if value in ("none", math.inf):
        return math.inf
    try:
        return positive(value)
    except ValueError:
        raise ValueError(f"must be a number above 0, auto or none, not {value!r}") from None


def max_failures(value: object) -> "MaxFailures":
    """`25` units, or `10%` of the closed units."""
    from jobs.pipeline.stopping import MaxFailures

    written = _written(value)
    if not written.endswith("%"):
        return MaxFailures(count=whole(written))
    percent = _number(written[:-1])
    if not 0 < percent <= 100:
        raise ValueError(f"must be a count (25) or a percentage up to 100% (10%), not {written!r}")
    return MaxFailures(fraction=percent / 100)


def text(value: object) -> str:
    """A text that is not blank."""
    checked = stop(value)
    if not checked.strip():
        raise ValueError("is empty")
    return checked


def stop(value: object) -> str:
    """A text of one character or more; white space counts."""
    if not isinstance(value, str):
        raise ValueError(f"must be a text, not {value!r}")  # noqa: TRY004 (Typer reports ValueErrors)
    if not value:
        raise ValueError("is empty")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("is not valid UTF-8") from None
    return value


def path(value: object) -> Path:
    """A path; `~` at its start is your home, also where no shell has expanded it.

    An empty one is an error: it is an unset variable of a script, not the working directory.
    """
    if not isinstance(value, str) or "\0" in value:
        raise ValueError(f"must be a path, not {value!r}")
    if not value:
        raise ValueError("is empty")
    try:
        return Path(value).expanduser()
    except RuntimeError:
        raise ValueError(f"no home directory for {value!r}") from None


def ping_url(value: object) -> str:
    """The URL of a healthcheck: https, or http on this machine. It is a secret, so no message shows it."""
    from jobs.bedrock.endpoint import is_loopback

    url = text(value)
    try:
        parts = urlsplit(url)
        host, user = parts.hostname or "", parts.username
        parts.port  # noqa: B018 (raises if it is no number)
    except ValueError:
        host, user = "", None
    if not re.fullmatch("https?://[!-~]+", url) or not host or user is not None:
        raise ValueError("is not an http or https URL; write it as https://hc-ping.com/UUID")
    if not is_loopback(host) and not url.startswith("https:"):
        raise ValueError("would be sent unencrypted; use https (plain http is for this machine only)")
    return url


def source(value: object) -> str:
    """A path to read from, unchanged."""
    path(value)
    return str(value)


def name(value: object) -> str:
    """The name of an analysis."""
    written = text(value)
    if not re.fullmatch(r"\w[\w.-]{0,63}", written):
        raise ValueError(f"must be letters, digits, '-', '_' and '.', 64 at most, not {written[:80]!r}")
    return written


def task(value: object) -> str:
    """The name of a ready-made task."""
    name = text(value)
    if name not in TASKS:
        raise ValueError(f"unknown task {name[:80]!r}; choose from {', '.join(TASKS)}")
    return name


def read_text(file: Path, largest: int = MAX_TEXT) -> str:
    """A UTF-8 file of at most `largest` bytes, or pipe, without its byte order mark; `-` is standard input."""
    name = "standard input" if str(file) == "-" else repr(str(file))
    try:
        if str(file) == "-":
            data = sys.stdin.buffer.read(largest + 1) if sys.stdin else b""
        else:
            with file.open("rb") as opened:
                data = opened.read(largest + 1)
    except OSError as error:
        raise ValueError(f"cannot read {name}: {error.strerror}") from None
    if len(data) > largest:
        shown = f"{largest >> 20} MiB" if largest >> 20 else f"{largest >> 10} KiB"
        raise ValueError(f"{name} is larger than {shown}")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{name} is not UTF-8 (byte {error.start})") from None


def toml(text: str) -> dict[str, Any]:
    try:
        content = tomllib.loads(text)
        repr(content)  # so that every message can show a value
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"not TOML: {error}") from None
    except RecursionError:
        raise ValueError("not readable: it is nested too deeply") from None
    except ValueError:
        raise ValueError("it contains a number with too many digits") from None
    return content


def _written(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"must be a text or a number, not {value!r}")  # noqa: TRY004 (Typer reports ValueErrors)
    return str(value).strip()


def _number(value: object) -> float:
    try:
        return float(_written(value))
    except ValueError:
        raise ValueError(f"must be a number, not {value!r}") from None
