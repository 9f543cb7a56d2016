"""Scenarios of `simulate` as TOML: its options under their own names, and a table [[user]] for each user.

Some are ready: files like those that a user writes, beside this module.
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from cli.config import parsers as values
from cli.config import sources
from cli.errors import UserError

if TYPE_CHECKING:
    from jobs.simulation.workload import User

SUFFIX = ".toml"
MOST_USERS: Final = 1000
"""As many can still be told apart."""
LARGEST: Final = 1 << 17
"""Bytes of a file: a thousand users with all that can be said of them fit in."""
LONGEST_LINE: Final = 4000
"""Characters: a dotted key of tens of thousands of parts, which takes the parser minutes, does not fit in."""
LEAST_SHARE, MOST_SHARE = 1e-6, 1e6
"""Beside the others' shares; so far apart, one of two has all requests."""
MOST_WEIGHT = 1e6
WITHOUT = ("config", "scenario", "list_scenarios", "json", "html")
"""Options that say what is done with a scenario, and do not stand in one."""
_TITLE, _USER = "title", "user"
_USERS, _QUESTION = "cli.scenario-users", "cli.scenario-title"
"""Keys of the context's `meta`."""


def ready() -> dict[str, str]:
    """The names of the ready scenarios, in order, with the question that each answers."""
    found = sorted(files("cli.config.scenarios").iterdir(), key=lambda file: file.name)
    return {
        file.name.removesuffix(SUFFIX): str(values.toml(file.read_text("utf-8"))[_TITLE])
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
        content = values.toml(text)
    except ValueError as error:
        raise UserError(f"{scenario}: {error}") from None
    ctx.meta[_QUESTION] = _title(scenario, text, content.pop(_TITLE, ""))
    tables = _tables(scenario, text, content.pop(_USER, []))
    if tables and "users" in content:
        raise UserError(f"{scenario}:{_line(text, 'users')}: users and [[{_USER}]] exclude each other")
    ctx.meta[_USERS] = tuple(_user(scenario, text, number, table) for number, table in enumerate(tables))
    written = {key.replace("_", "-"): key for key in content}
    sources.overlay(ctx, content, lambda key: f"{scenario}:{_line(text, written.get(key, key))}: {key}", WITHOUT)
    return scenario


def users(ctx: typer.Context) -> "tuple[User, ...]":
    """The [[user]] tables of the scenario that was loaded; empty if there are none."""
    found: tuple[User, ...] = ctx.meta.get(_USERS, ())
    return found


def title(ctx: typer.Context) -> str:
    """What the scenario that was loaded asks; empty if it says nothing."""
    return str(ctx.meta.get(_QUESTION, ""))


def _text(scenario: str) -> str:
    names = ready()
    if scenario in names:
        return (files("cli.config.scenarios") / f"{scenario}{SUFFIX}").read_text("utf-8")
    try:
        text = values.read_text(Path(scenario), LARGEST)
    except ValueError as error:
        near = difflib.get_close_matches(scenario, names, n=1, cutoff=0.0)
        hint = f"name a file, or a ready scenario: {', '.join(names)}; the nearest is {near[0]}"
        raise UserError(f"--scenario: {error}", hint) from None
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > LONGEST_LINE:
            raise UserError(f"{scenario}:{number}: is longer than {LONGEST_LINE:,} characters", "break the line")
    return text


def _title(scenario: str, text: str, title: object) -> str:
    if not isinstance(title, str):
        raise UserError(f"{scenario}:{_line(text, _TITLE)}: {_TITLE}: must be a text, not {title!r}")
    return title


def _tables(scenario: str, text: str, tables: object) -> list[dict[str, Any]]:
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise UserError(f"{scenario}:{_line(text, _USER)}: {_USER} must be tables, [[{_USER}]]")
    if len(tables) > MOST_USERS:
        raise UserError(
            f"{scenario}:{_line(text, _USER, MOST_USERS)}: [[{_USER}]]: must be at most {MOST_USERS:,}, "
            f"not {len(tables):,}"
        )
    return tables


def _user(scenario: str, text: str, number: int, table: Mapping[str, Any]) -> "User":
    from jobs.simulation.workload import Mix, User

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
    if not 1 <= weight <= MOST_WEIGHT:
        raise ValueError(f"must be a number from 1 to {MOST_WEIGHT:,.0f}, not {value!r}")
    return weight


def _share(value: object) -> float:
    share = values.positive(value)
    if not LEAST_SHARE <= share <= MOST_SHARE:
        raise ValueError(f"must be a number from {LEAST_SHARE:f} to {MOST_SHARE:,.0f}, not {value!r}")
    return share


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
    "share": _share,
    "input": _range,
    "output": values.tokens,
}


def _line(text: str, *keys: str | int) -> int:
    """The line in which a key stands: the last one before which the file does not have it.

    The standard library's parser, which tells no lines, is asked for beginnings of the file. Only a line in which the
    key is written can be the one. A beginning that ends in the middle of a value decides nothing.
    """
    lines = text.split("\n")
    name = next(str(key) for key in reversed(keys) if isinstance(key, str))
    # A key that is written with escapes may stand in any of them.
    written = re.compile(rf"""(?<![\w-]){re.escape(name)}["']?\s*[=.\]]""")
    places = [number for number, line in enumerate(lines) if written.search(line)] or [*range(len(lines))]
    found, low, high = 0, 0, len(places)
    while low < high:
        middle = tried = (low + high) // 2
        while (content := _beginning(lines, places[tried])) is None and tried > low:
            tried -= 1
        if content is not None and _has(content, keys):
            high = tried
            continue
        if content is not None:
            found = places[tried]
        low = middle + 1
    return found + 1


def _beginning(lines: Sequence[str], count: int) -> dict[str, Any] | None:
    """What so many lines say; None in the middle of a value."""
    try:
        return values.toml("\n".join(lines[:count]))
    except ValueError:
        return None


def _has(content: Any, keys: tuple[str | int, ...]) -> bool:
    for key in keys:
        try:
            content = content[key]
        except (KeyError, IndexError, TypeError):
            return False
    return True
