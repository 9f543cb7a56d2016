"""Where a setting comes from: the command line, else the environment, else the settings file, else its default.

Typer does the looking up (default_map, auto_envvar_prefix); here the file is read, both are searched for names that
mean nothing, and each value can be told its origin.
"""

import difflib
import os
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import typer

from cli.config import parsers as values
from cli.errors import DEBUG, UserError

PREFIX = "BEDROCK_BATCH"
"""Of every environment variable: BEDROCK_BATCH_<COMMAND>_<OPTION>."""
DEFAULT_FILE = Path("bedrock-batch.toml")
MODELS = "models"
"""The section that is no command's: what is known of models, by pattern."""
_FILE, _MODELS, _SCENARIO = "cli.config.analyze_settings-file", "cli.models", "cli.scenario"
"""Keys of the context's `meta`."""
_RANKS = ("COMMANDLINE", "ENVIRONMENT", "DEFAULT_MAP")
_OF_SETTINGS = len(_RANKS)
"""The rank of what the settings file has: after a scenario, with which it shares DEFAULT_MAP."""


def load(ctx: typer.Context, config: Path | None) -> Path | None:
    """Read the settings file and check the environment; the callback of --config, run before other options are read.

    Raises:
        UserError: the file cannot be read, or it or the environment has a name or type that means nothing.
    """
    if ctx.resilient_parsing:
        return config
    commands = {name: list(_options(command)) for name, command in ctx.find_root().command.commands.items()}  # type: ignore[attr-defined]
    _check_environment(commands)
    file = config or (DEFAULT_FILE if DEFAULT_FILE.exists() else None)
    if file is None:
        return config
    sections = _sections(file, commands)
    ctx.meta[_FILE] = file
    ctx.meta[_MODELS] = sections.pop(MODELS, {})
    # A scenario, which may have been read before, goes before the settings file.
    ctx.default_map = {**sections.get(str(ctx.info_name), {}), **(ctx.default_map or {})}
    return config


def overlay(
    ctx: typer.Context, given: Mapping[str, object], place: Callable[[str], str], without: Collection[str]
) -> None:
    """Let options come from a scenario unless the command line or the environment has them.

    `place` names where a key stands; options in `without` may not stand there.

    Raises:
        UserError: a key or type that means nothing.
    """
    for key in given:
        if key.replace("-", "_") in without:
            raise UserError(f"{place(key)}: may not stand in a scenario", f"give --{_dashed(key)} on the command line")
    options = [option for option in _options(ctx.command) if option.name not in without]
    found = _section(place, given, options)
    ctx.meta[_SCENARIO] = frozenset(found), place
    ctx.default_map = {**(ctx.default_map or {}), **found}


def models(ctx: typer.Context) -> Mapping[str, Mapping[str, float]]:
    """The [models."pattern"] sections of the settings file."""
    found: Mapping[str, Mapping[str, float]] = ctx.meta.get(_MODELS, {})
    return found


def strongest(ctx: typer.Context, *names: str) -> str | None:
    """Of options that exclude each other, the one that counts: given, and by the source that goes before the others.

    Raises:
        UserError: one source gave two of them.
    """
    given = [name for name in names if ctx.params[name] and _rank(ctx, name) is not None]
    given.sort(key=lambda name: (_rank(ctx, name), names.index(name)))
    if len(given) > 1 and _rank(ctx, given[0]) == _rank(ctx, given[1]):
        raise UserError(f"{origin(ctx, given[0])} and {origin(ctx, given[1])} exclude each other", "give one of them")
    return given[0] if given else None


def given(ctx: typer.Context, name: str) -> bool:
    """Whether the command line or the environment has an option, rather than a file or nobody."""
    return _rank(ctx, name) in (0, 1)


def origin(ctx: Any, name: str) -> str:
    """An option as its source names it: `--rpm`, `BEDROCK_BATCH_ANALYZE_RPM`, `FILE: [analyze] rpm`."""
    match _rank(ctx, name):
        case 1:
            return f"{ctx.auto_envvar_prefix}_{name.upper()}"
        case 2:
            _, place = ctx.meta[_SCENARIO]
            return str(place(_dashed(name)))
        case 3:
            return _place(ctx.meta[_FILE], str(ctx.info_name), _dashed(name))
    return f"--{_dashed(name)}"


def told(ctx: typer.Context) -> Iterator[str]:
    """A line for each option that has not its default: name, value (shortened) and origin."""
    for option in _options(ctx.command):
        rank = _rank(ctx, option.name)
        if rank is not None:
            value = ctx.params.get(option.name)
            source = "command line" if rank == 0 else origin(ctx, option.name)
            yield f"--{_dashed(option.name)} = {_short(value)} ({source})"


def _rank(ctx: Any, name: str) -> int | None:
    source = ctx.get_parameter_source(name)
    if source is None or source.name not in _RANKS:
        return None
    of_scenario, _ = ctx.meta.get(_SCENARIO, ((), str))
    return _OF_SETTINGS if source.name == _RANKS[-1] and name not in of_scenario else _RANKS.index(source.name)


def _options(command: Any) -> Iterator[Any]:
    return (parameter for parameter in command.params if parameter.param_type_name == "option")


def _place(file: Path, section: str, key: str) -> str:
    return f"{file}: [{section}] {key}"


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def _short(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_short(item) for item in value)
    shown = str(value)
    return repr(shown[:59] + "..." if len(shown) > 60 else shown)


def _check_environment(commands: Mapping[str, Collection[Any]]) -> None:
    known = {DEBUG} | {
        f"{PREFIX}_{command}_{option.name}".replace("-", "_").upper()
        for command, options in commands.items()
        for option in options
    }
    for name in sorted(os.environ):
        if name.startswith(f"{PREFIX}_") and name not in known:
            raise UserError(f"unknown environment variable {name}", _nearest(name, known))


def _sections(file: Path, commands: Mapping[str, Collection[Any]]) -> dict[str, Any]:
    try:
        text = values.read_text(file)
    except ValueError as error:
        raise UserError(f"settings file: {error}") from None
    try:
        content = values.toml(text)
    except ValueError as error:
        raise UserError(f"{file}: {error}") from None
    known = {*commands, MODELS}
    sections: dict[str, Any] = {}
    for name, section in content.items():
        if name not in known:
            kind = f"section [{name}]" if isinstance(section, dict) else f"key {name} outside of a section"
            raise UserError(f"{file}: unknown {kind}", _nearest(name, known))
        if not isinstance(section, dict):
            raise UserError(f"{file}: {name} must be a section, [{name}]")
        if name == MODELS:
            sections[name] = _models(file, section)
        else:
            sections[name] = _section(partial(_place, file, name), section, commands[name])
    return sections


def _section(place: Callable[[str], str], given: Mapping[str, object], options: Collection[Any]) -> dict[str, object]:
    known = {option.name: option for option in options if option.name != "config"}
    found: dict[str, object] = {}
    for key, value in given.items():
        name = key.replace("-", "_")
        if name not in known:
            raise UserError(f"{place(key)}: unknown key", _nearest(key, map(_dashed, known)))
        if name in found:
            raise UserError(f"{place(key)}: given twice")
        if known[name].is_flag and not isinstance(value, bool):
            raise UserError(f"{place(key)}: must be true or false, not {value!r}")
        if known[name].multiple and not isinstance(value, list):
            raise UserError(f"{place(key)}: must be a list, [...], not {value!r}")
        found[name] = value
    return found


def _models(file: Path, given: Mapping[str, object]) -> dict[str, dict[str, float]]:
    found = {}
    for pattern, fields in given.items():
        where = f'{file}: [{MODELS}."{pattern}"]'
        if not isinstance(fields, dict):
            raise UserError(f"{file}: [{MODELS}] {pattern}: unknown key", f'write a section [{MODELS}."MODEL PATTERN"]')
        for key in fields:
            if key not in values.MODEL_FIELDS:
                raise UserError(f"{where} {key}: unknown key", _nearest(key, values.MODEL_FIELDS))
        try:
            found[pattern] = values.overrides(fields)
        except ValueError as error:
            raise UserError(f"{where}: {error}") from None
    return found


def _nearest(name: str, known: Any) -> str:
    # All of them are candidates: the nearest one says more than none.
    matches = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.0)
    return f"the nearest known name is {matches[0]}" if matches else ""


def print_told(ctx: typer.Context) -> None:
    """Say on standard error where each setting came from."""
    for line in told(ctx):
        print(f"setting {line}", file=sys.stderr)
