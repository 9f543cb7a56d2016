"""Scenarios of `simulate` as TOML: its options under their own names, and a table [[user]] for each user.

Some are ready: files like those that a user writes, beside this module.
"""

import difflib
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from cli import sources, values
from cli.errors import UserError

if TYPE_CHECKING:
    from jobs.simulation.work import User

SUFFIX = ".toml"
WITHOUT = ("config", "scenario", "list_scenarios", "json", "html")
"""Options that say what is done with a scenario, and do not stand in one."""
_TITLE, _USER = "title", "user"
_USERS, _QUESTION = "cli.scenario-users", "cli.scenario-title"
"""Keys of the context's `meta`."""


def ready() -> dict[str, str]:
    """The names of the ready scenarios, in order, with the question that each answers."""
    found = sorted(files("cli.scenarios").iterdir(), key=lambda file: file.name)
    return {
        file.name.removesuffix(SUFFIX): str(tomllib.loads(file.read_text("utf-8"))[_TITLE])
        for file in found
        if file.name.endswith(SUFFIX)
    }


def load(ctx: typer.Context, scenario: str | None) -> str | None:
    """Let options come from a scenario; the callback of --scenario, run before other options are read.

    Raises:
        UserError: there is no such scenario, or something in it means nothing.
    """
    if ctx.resilient_parsing or scenario is None:
        return scenario
    text = _text(scenario)
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{scenario}: not TOML: {error}") from None
    ctx.meta[_QUESTION] = str(content.pop(_TITLE, ""))
    tables = content.pop(_USER, [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise UserError(f"{scenario}:{_line(text, _USER)}: {_USER} must be tables, [[{_USER}]]")
    if tables and "users" in content:
        raise UserError(f"{scenario}:{_line(text, 'users')}: users and [[{_USER}]] exclude each other")
    ctx.meta[_USERS] = tuple(_user(scenario, text, number, table) for number, table in enumerate(tables))
    sources.overlay(ctx, content, lambda key: f"{scenario}:{_line(text, key)}: {key}", WITHOUT)
    return scenario


def users(ctx: typer.Context) -> "tuple[User, ...]":
    """The [[user]] tables of the scenario that was loaded; empty if there are none."""
    found: tuple[User, ...] = ctx.meta.get(_USERS, ())
    return found


def title(ctx: typer.Context) -> str:
    """What the scenario that was loaded asks; empty if it says nothing."""
    return str(ctx.meta.get(_QUESTION, ""))


def _text(scenario: str) -> str:
    own = files("cli.scenarios") / f"{scenario}{SUFFIX}"
    if "/" not in scenario and own.is_file():
        return own.read_text("utf-8")
    try:
        return values.read_text(Path(scenario))
    except ValueError as error:
        names = ready()
        near = difflib.get_close_matches(scenario, names, n=1, cutoff=0.0)
        hint = f"name a file, or a ready scenario: {', '.join(names)}; the nearest is {near[0]}"
        raise UserError(f"--scenario: {error}", hint) from None


def _user(scenario: str, text: str, number: int, table: Mapping[str, Any]) -> "User":
    from jobs.simulation.work import Mix, User

    fields: dict[str, Any] = {"name": f"user {number + 1}"}
    mix: dict[str, Any] = {}
    for key, value in table.items():
        if key not in _FIELDS:
            where = _place(scenario, text, number, key)
            near = difflib.get_close_matches(key, _FIELDS, n=1, cutoff=0.0)[0]
            raise UserError(f"{where}: unknown key", f"the nearest known name is {near}")
        try:
            (mix if key in ("input", "output") else fields)[key] = _FIELDS[key](value)
        except ValueError as error:
            raise UserError(f"{_place(scenario, text, number, key)}: {error}") from None
    return User(**fields, mix=Mix(**mix))


def _place(scenario: str, text: str, number: int, key: str) -> str:
    return f"{scenario}:{_line(text, _USER, number, key)}: [[{_USER}]] {key}"


def _weight(value: object) -> float:
    weight = values.positive(value)
    if weight < 1:
        raise ValueError(f"must be a number of 1 or more, not {value!r}")
    return weight


def _range(value: object) -> tuple[int, int]:
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError(f"must be two numbers, [FROM, TO], not {value!r}")
    low, high = (values.tokens(number) for number in value)
    if low > high:
        raise ValueError(f"must go from the smaller to the larger number, not {value!r}")
    return low, high


_FIELDS = {
    "name": values.text,
    "weight": _weight,
    "share": values.positive,
    "input": _range,
    "output": values.tokens,
}


def _line(text: str, *keys: str | int) -> int:
    """The line in which a key stands: the first one without which the file does not have it.

    The standard library's parser, which tells no lines, is asked for longer and longer beginnings of the file.
    """
    lines = text.splitlines(keepends=True)
    without = 0
    for count in range(1, len(lines) + 1):
        try:
            content = tomllib.loads("".join(lines[:count]))
        except tomllib.TOMLDecodeError:
            continue  # in the middle of a value
        if _has(content, keys):
            break
        without = count
    return without + 1


def _has(content: Any, keys: tuple[str | int, ...]) -> bool:
    for key in keys:
        try:
            content = content[key]
        except (KeyError, IndexError, TypeError):
            return False
    return True
