"""The settings file, and the names in the environment: what they hold, checked against the options of the commands."""

import difflib
import os
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from cli.config import aws_names
from cli.config import parsers as values
from cli.errors import DEBUG, UserError

PREFIX = "BEDROCK_BATCH"
"""Of every environment variable: BEDROCK_BATCH_<COMMAND>_<OPTION>."""
DEFAULT_FILE = Path("bedrock-batch.toml")
MODELS = "models"
"""The section with prices and sizes of models, by pattern; it belongs to no command."""

NAMED_ONLY = frozenset({"endpoint_url", "profile", "cache_dir", "prompt_file", "healthcheck_url", "metrics_file"})
"""Options that a settings file may set only if you name it. One that lies in the working directory may have come with
the documents: it must not choose where texts and credentials go, or which files are read and written."""

SECRET = frozenset({"healthcheck_url"})
"""Options whose values are not shown: whoever knows the URL of a check can send its pings."""

Options = Mapping[str, Collection[Any]]
"""The options of each command, as Typer declares them."""


def read(file: Path, commands: Options) -> dict[str, Any]:
    """The sections of a settings file; values are checked where the options are parsed."""
    known = {*commands, MODELS}
    sections: dict[str, Any] = {}
    for name, section in _content(file).items():
        if name not in known:
            kind = f"section [{name}]" if isinstance(section, dict) else f"key {name} outside of a section"
            raise UserError(f"{file}: unknown {kind}", nearest(name, known))
        if not isinstance(section, dict):
            raise UserError(f"{file}: {name} must be a section, [{name}]")
        if name == MODELS:
            sections[name] = _models(file, section)
        else:
            sections[name] = check_keys(partial(place, file, name), section, commands[name])
    return sections


def place(file: Path, section: str, key: str) -> str:
    """`FILE: [SECTION] KEY`."""
    return f"{file}: [{section}] {key}"


def check_keys(
    place: Callable[[str], str], section: Mapping[str, object], options: Collection[Any]
) -> dict[str, object]:
    """The section by option names; `place` names where a key stands, for messages."""
    known = {option.name: option for option in options if option.name != "config"}
    checked: dict[str, object] = {}
    for key, value in section.items():
        name = key.replace("-", "_")
        if name not in known:
            raise UserError(f"{place(key)}: unknown key", nearest(key, map(dashed, known)))
        if name in checked:
            raise UserError(f"{place(key)}: given twice")
        if known[name].is_flag and not isinstance(value, bool):
            raise UserError(f"{place(key)}: must be true or false, not {value!r}")
        if known[name].multiple and not isinstance(value, list):
            raise UserError(f"{place(key)}: must be a list, [...], not {value!r}")
        checked[name] = value
    return checked


def parse_table(
    place: Callable[[str], str], table: Mapping[str, object], parsers: Mapping[str, Callable[[object], Any]]
) -> dict[str, Any]:
    """The parsed values of a table that is not a section of options; `place` as in `check_keys`."""
    parsed = {}
    for key, value in table.items():
        if key not in parsers:
            raise UserError(f"{place(key)}: unknown key", nearest(key, parsers))
        try:
            parsed[key] = parsers[key](value)
        except ValueError as error:
            raise UserError(f"{place(key)}: {error}") from None
    return parsed


def check_environment(commands: Options) -> None:
    """Check the names of our environment variables."""
    known = {DEBUG} | {
        f"{PREFIX}_{command}_{option.name}".replace("-", "_").upper()
        for command, options in commands.items()
        for option in options
    }
    for name in sorted(os.environ):
        if name.startswith(f"{PREFIX}_") and name not in known:
            raise UserError(f"unknown environment variable {name}", nearest(name, known))


def nearest(name: str, known: Iterable[str]) -> str:
    """The hint for an unknown name."""
    # No cutoff: the nearest name says more than none.
    matches = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.0)
    return f"the nearest known name is {matches[0]}" if matches else ""


def dashed(name: str) -> str:
    """The name of an option as on the command line: `max-tokens`."""
    return name.replace("_", "-")


def _content(file: Path) -> dict[str, Any]:
    try:
        text = values.read_text(file)
    except ValueError as error:
        raise UserError(f"settings file: {error}") from None
    try:
        return values.toml(text)
    except ValueError as error:
        raise UserError(f"{file}: {error}") from None


def _models(file: Path, section: Mapping[str, object]) -> dict[str, dict[str, float]]:
    models = {}
    for pattern, fields in section.items():
        if not isinstance(fields, dict):
            raise UserError(f"{file}: [{MODELS}] {pattern}: unknown key", f'write a section [{MODELS}."MODEL PATTERN"]')
        models[pattern] = parse_table(partial(place, file, f'{MODELS}."{pattern}"'), fields, aws_names.MODEL_FIELDS)
    return models
