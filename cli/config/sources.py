"""Where a setting comes from: the command line, else the environment, else the settings file, else its default.

Typer does the lookup (default_map, auto_envvar_prefix). This module loads the file before it, and names the origin of
each value.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import typer

from cli.config import settings_file
from cli.config.settings_file import DEFAULT_FILE, MODELS, dashed
from cli.errors import UserError
from cli.render.text import safe

_FILE, _FOUND, _MODELS, _SCENARIO = "cli.settings-file", "cli.settings-file-found", "cli.models", "cli.scenario"
"""Keys of the context's `meta`."""
_RANKS = ("COMMANDLINE", "ENVIRONMENT", "DEFAULT_MAP")
_SETTINGS_FILE = len(_RANKS)
"""The rank of the settings file: after a scenario, with which it shares DEFAULT_MAP."""


def load(ctx: typer.Context, config: Path | None) -> Path | None:
    """Read the settings file and check the environment; the callback of --config, run before other options are read."""
    if ctx.resilient_parsing:
        return config
    commands = {name: list(_options(command)) for name, command in ctx.find_root().command.commands.items()}  # type: ignore[attr-defined]
    settings_file.check_environment(commands)
    file = config or (DEFAULT_FILE if DEFAULT_FILE.exists() else None)
    if file is None:
        return config
    if config is None and file.is_fifo():  # opening it would wait for a writer
        raise UserError(f"settings file: {file} is a pipe", f"remove it, or name it with --config {file}")
    sections = settings_file.read(file, commands)
    ctx.meta[_FILE] = file
    ctx.meta[_FOUND] = config is None
    ctx.meta[_MODELS] = sections.pop(MODELS, {})
    # A scenario, which may have been read before, takes precedence over the settings file.
    ctx.default_map = {**sections.get(str(ctx.info_name), {}), **(ctx.default_map or {})}
    return config


def overlay(
    ctx: typer.Context, given: Mapping[str, object], place: Callable[[str], str], without: Collection[str]
) -> None:
    """Let options come from a scenario unless the command line or the environment has them.

    `place` names where a key stands; options in `without` are not allowed there.
    """
    for key in given:
        if key.replace("-", "_") in without:
            raise UserError(f"{place(key)}: is not allowed in a scenario", f"give --{dashed(key)} on the command line")
    options = [option for option in _options(ctx.command) if option.name not in without]
    checked = settings_file.check_keys(place, given, options)
    ctx.meta[_SCENARIO] = frozenset(checked), place
    ctx.default_map = {**(ctx.default_map or {}), **checked}


def models(ctx: typer.Context) -> Any:
    """The [models."pattern"] sections of the settings file."""
    return ctx.meta.get(_MODELS, {})


def check_found(ctx: typer.Context) -> None:
    """Raise UserError if an option of settings_file.NAMED_ONLY comes from a settings file that was merely found."""
    if ctx.meta.get(_FOUND):
        for name in sorted(settings_file.NAMED_ONLY & ctx.params.keys()):
            if _rank(ctx, name) == _SETTINGS_FILE:
                hint = f"give --{dashed(name)}, or --config {ctx.meta[_FILE]} if you trust this file"
                raise UserError(f"{origin(ctx, name)}: is not taken from a file that you did not name", hint)


def strongest(ctx: typer.Context, *names: str) -> str | None:
    """Of options that exclude each other, the one from the source with the highest precedence; two are an error."""
    given = [name for name in names if ctx.params[name] and _rank(ctx, name) is not None]
    given.sort(key=lambda name: (_rank(ctx, name), names.index(name)))
    if len(given) > 1 and _rank(ctx, given[0]) == _rank(ctx, given[1]):
        raise UserError(f"{origin(ctx, given[0])} and {origin(ctx, given[1])} exclude each other", "give one of them")
    return given[0] if given else None


def given(ctx: typer.Context, name: str) -> bool:
    """Whether an option comes from the command line or the environment."""
    return _rank(ctx, name) in (0, 1)


def origin(ctx: Any, name: str) -> str:
    """An option as its source names it: `--rpm`, `BEDROCK_BATCH_ANALYZE_RPM`, `FILE: [analyze] rpm`."""
    match _rank(ctx, name):
        case 1:
            return f"{ctx.auto_envvar_prefix}_{name.upper()}"
        case 2:
            _, place = ctx.meta[_SCENARIO]
            return str(place(dashed(name)))
        case 3:
            return settings_file.place(ctx.meta[_FILE], str(ctx.info_name), dashed(name))
    return f"--{dashed(name)}"


def shown_settings(ctx: typer.Context) -> Iterator[str]:
    """Each option that is set: its value (shortened, or hidden if it is a secret) and its origin."""
    for option in _options(ctx.command):
        rank = _rank(ctx, option.name)
        if rank is not None:
            source = "command line" if rank == 0 else origin(ctx, option.name)
            value = "***" if option.name in settings_file.SECRET else _shorten(ctx.params.get(option.name))
            yield f"setting --{dashed(option.name)} = {value} ({source})"


def _rank(ctx: Any, name: str) -> int | None:
    """The place of an option's source in the order of precedence, 0 the strongest; None for its default."""
    source = ctx.get_parameter_source(name)
    if source is None or source.name not in _RANKS:
        return None
    of_scenario, _ = ctx.meta.get(_SCENARIO, ((), str))
    return _SETTINGS_FILE if source.name == _RANKS[-1] and name not in of_scenario else _RANKS.index(source.name)


def _options(command: Any) -> Iterator[Any]:
    return (parameter for parameter in command.params if parameter.param_type_name == "option")


def _shorten(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_shorten(item) for item in value)
    shown = str(value)
    return safe(shown[:57] + "..." if len(shown) > 60 else shown)
