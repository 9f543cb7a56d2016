"""Options that say how to report an end that comes before the command line is parsed."""

import os
from collections.abc import Sequence
from pathlib import Path

from cli.config import parsers as values
from cli.config.settings_file import DEFAULT_FILE, PREFIX


def wants_json(arguments: Sequence[str]) -> bool:
    """Whether `analyze` is to print its summary as JSON."""
    try:
        return "--json" in arguments or values.switch(_value(arguments, "json"))
    except ValueError:
        return False


def wants_json_log(arguments: Sequence[str]) -> bool:
    """Whether `analyze` is to print errors as JSON."""
    return _value(arguments, "log-format") == "json"


def _value(arguments: Sequence[str], option: str) -> object:
    """The option as it is written; None if it is not set, or cannot be read."""
    for index, argument in reversed(list(enumerate(arguments))):
        if argument == f"--{option}":
            return "".join(arguments[index + 1 : index + 2])
        if argument.startswith(f"--{option}="):
            return argument.partition("=")[2]
    key = option.replace("-", "_")
    variable = f"{PREFIX}_ANALYZE_{key.upper()}"
    if variable in os.environ or option == "config":
        return os.environ.get(variable)
    file = Path(str(_value(arguments, "config") or DEFAULT_FILE))
    try:
        if file.is_fifo():  # it was read before, or would wait for a writer
            return None
        section = values.toml(values.read_text(file)).get("analyze", {})
        return section.get(option, section.get(key))
    except (ValueError, AttributeError):
        return None
