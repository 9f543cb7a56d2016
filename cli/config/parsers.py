"""One setting's text into its value: the parsers of options.

Each takes what the command line, an environment variable or a settings file has (text, or a TOML value), and its own
result as well, as that is how defaults arrive. Each says what is wrong by a ValueError; the option's name is added
where it is reported.
"""

import math
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.requests.tasks import TASKS

if TYPE_CHECKING:
    from jobs.pipeline.stopping import MaxFailures

LARGEST_TEXT = 1 << 20
"""Bytes of a prompt or settings file: more is not one (and `/dev/zero` has no end)."""

LARGEST_CALL = 10_000_000
"""Tokens: more than the largest context that any model has."""

_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = rf"({_NUMBER})(ms|[smhd])"
_BYTES = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30}
_SIZE = rf"({_NUMBER}) ?([a-z]*)"
_HOST_LABEL = r"(?!-)[a-zA-Z0-9-]{1,63}(?<!-)"
"""As botocore.utils.validate_region_name: a region becomes part of a host name."""

_MODEL_ID = (
    r"arn:aws(-[a-z-]+)?:bedrock:[a-z0-9-]{1,20}:("
    r"[0-9]{12}:custom-model/[a-z0-9-]{1,63}[.][a-z0-9-]{1,63}/[a-z0-9]{12}"
    r"|:foundation-model/[a-z0-9-]{1,63}[.][a-z0-9-]{1,63}([.:]?[a-z0-9-]{1,63})"
    r"|[0-9]{12}:(imported-model|provisioned-model|custom-model-deployment)/[a-z0-9]{12}"
    r"|[0-9]{12}:(inference-profile|application-inference-profile|(default-)?prompt-router)/[a-zA-Z0-9-:.]+"
    r"|[0-9]{12}:prompt/[0-9a-zA-Z]{10}(:[0-9]{1,5})?)"
    r"|arn:aws:sagemaker:[a-z0-9-]+:[0-9]{12}:endpoint/[a-zA-Z0-9-]+"
    r"|[0-9a-zA-Z]+([_-][0-9a-zA-Z]+)*[_-]?"
    r"|[a-zA-Z0-9][a-zA-Z0-9-:.]*"
)
"""ConversationalModelId of botocore's bedrock-runtime/2023-09-30/service-2.json, but narrower: the partition is of
letters, and an id begins with a letter or digit (`..` would name another path, `--emulate` is an option)."""
_LONGEST_MODEL_ID = 2048


def switch(value: object) -> bool:
    """A flag, as an environment variable has it."""
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
    """A duration that is not zero."""
    seconds = duration(value)
    if not seconds:
        raise ValueError("must be longer than 0 s")
    return seconds


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


def whole(value: object) -> int:
    """A count: 1 or more."""
    written = _written(value)
    if not re.fullmatch(r"[0-9]{1,18}", written) or not int(written):
        raise ValueError(f"must be a whole number of 1 or more, not {written!r}")
    return int(written)


def tokens(value: object) -> int:
    """Tokens of one call: 1 or more, and no more than any model takes."""
    number = whole(value)
    if number > LARGEST_CALL:
        raise ValueError(f"must be at most {LARGEST_CALL:,} tokens, not {value!r}")
    return number


def seed(value: object) -> int:
    """A whole number of 0 or more."""
    written = _written(value)
    if not re.fullmatch(r"[0-9]{1,18}", written):
        raise ValueError(f"must be a whole number of 0 or more, not {written!r}")
    return int(written)


def fraction(value: object) -> float:
    """A number from 0 to 1."""
    number = _number(value)
    if not 0 <= number <= 1:
        raise ValueError(f"must be a number from 0 to 1, not {value!r}")
    return number


def amount(value: object) -> float:
    """A number of 0 or more."""
    number = _number(value)
    if not 0 <= number < math.inf:
        raise ValueError(f"must be a number of 0 or more, not {value!r}")
    return number


def positive(value: object) -> float:
    """A number above 0."""
    number = _number(value)
    if not 0 < number < math.inf:
        raise ValueError(f"must be a number above 0, not {value!r}")
    return number


def rate(value: object) -> float | None:
    """A quota: a number a minute; None for `auto`, infinity for `none`."""
    if value == "auto" or value is None:
        return None
    if value in ("none", math.inf):
        return math.inf
    try:
        return positive(value)
    except ValueError:
        raise ValueError(f"must be a number above 0, auto or none, not {value!r}") from None


def max_failures(value: object) -> "MaxFailures":
    """`25` units, or `10%` of those that are closed."""
    from jobs.pipeline.stopping import MaxFailures

    if isinstance(value, MaxFailures):
        return value
    written = _written(value)
    if not written.endswith("%"):
        return MaxFailures(count=whole(written))
    percent = _number(written[:-1])
    if not 0 < percent <= 100:
        raise ValueError(f"must be a count (25) or a percentage up to 100% (10%), not {written!r}")
    return MaxFailures(fraction=percent / 100)


def text(value: object) -> str:
    """A text that says something."""
    spoken = stop(value)
    if not spoken.strip():
        raise ValueError("is empty")
    return spoken


def stop(value: object) -> str:
    """A text of one character or more, white space counted."""
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
    """A path; an empty one is an unset variable of a script rather than the working directory."""
    if isinstance(value, Path):
        return value
    if not isinstance(value, str) or "\0" in value:
        raise ValueError(f"must be a path, not {value!r}")
    if not value:
        raise ValueError("is empty")
    return Path(value)


def source(value: object) -> str:
    """A path to read from, as it was written."""
    path(value)
    return str(value)


def task(value: object) -> str:
    """The name of a ready-made task."""
    name = text(value)
    if name not in TASKS:
        raise ValueError(f"no task is named {name[:80]!r}; there are {', '.join(TASKS)}")
    return name


def model_id(value: object) -> str:
    """What Converse takes as a model: an id, the id of an inference profile, or an ARN."""
    name = text(value)
    if len(name) > _LONGEST_MODEL_ID or not re.fullmatch(_MODEL_ID, name):
        raise ValueError(f"{name[:80]!r} is not a model id, inference profile id or ARN")
    return name


def region(value: object) -> str:
    """A region's name, as it stands in a host name."""
    name = text(value)
    if not re.fullmatch(_HOST_LABEL, name):
        raise ValueError(f"{name[:80]!r} is not a region; write one like eu-central-1")
    return name


def endpoint(value: object) -> str:
    """A base URL to call: https, or http on loopback (the documents would travel in clear text)."""
    from jobs.bedrock.endpoint import ConfigurationError, check_endpoint

    try:
        return check_endpoint(text(value))
    except ConfigurationError as error:
        raise ValueError(f"{error}; {error.hint}" if error.hint else str(error)) from None


def read_text(file: Path, largest: int = LARGEST_TEXT) -> str:
    """A small UTF-8 file, or pipe, without its byte order mark.

    Raises:
        ValueError: it cannot be read, is larger than `largest` bytes or is not UTF-8.
    """
    try:
        with file.open("rb") as opened:
            data = opened.read(largest + 1)
    except OSError as error:
        raise ValueError(f"cannot read {str(file)!r}: {error.strerror}") from None
    if len(data) > largest:
        shown = f"{largest >> 20} MiB" if largest >> 20 else f"{largest >> 10} KiB"
        raise ValueError(f"{str(file)!r} is larger than {shown}")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{str(file)!r} is not UTF-8 (byte {error.start})") from None


def toml(text: str) -> dict[str, Any]:
    """The content of a TOML file.

    Raises:
        ValueError: it is not TOML, or holds what cannot be shown: numbers of thousands of digits, or depths of nesting.
    """
    try:
        content = tomllib.loads(text)
        repr(content)  # so that every message may show a value
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"not TOML: {error}") from None
    except RecursionError:
        raise ValueError("not readable: it is nested too deeply") from None
    except ValueError:
        raise ValueError("not readable: it has a whole number of thousands of digits") from None
    return content


def overrides(fields: Mapping[str, object]) -> dict[str, float]:
    """What a settings file says of a model; see MODEL_FIELDS."""
    checked = {}
    for name, value in fields.items():
        try:
            checked[name] = positive(value) if name in ("burndown", "context_tokens") else amount(value)
        except ValueError as error:
            raise ValueError(f"{name} {error}") from None
    return checked


MODEL_FIELDS = ("input_usd", "output_usd", "burndown", "context_tokens")
"""Of a model: USD a million tokens, what an output token takes of the token quota, and the size of the context."""


def _written(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"must be a text or a number, not {value!r}")  # noqa: TRY004 (Typer reports ValueErrors)
    return str(value).strip()


def _number(value: object) -> float:
    try:
        return float(_written(value))
    except ValueError:
        raise ValueError(f"must be a number, not {value!r}") from None
