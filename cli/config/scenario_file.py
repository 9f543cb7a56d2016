"""Scenario files of `simulate`: TOML with the command's options as keys, and a [[user]] table for each user.

The bundled scenarios are such files, in cli/config/scenarios.
"""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import typer

from cli.config import parsers as values
from cli.config import settings_file, sources
from cli.config import simulate_parsers as parse
from cli.errors import UserError

if TYPE_CHECKING:
    from jobs.simulation.workload import User

SUFFIX = ".toml"
MAX_BYTES: Final = 1 << 17
"""Of a file; enough for parse.MAX_USERS users with all their keys."""
MAX_LINE: Final = 4000
"""Characters. tomllib takes minutes for a dotted key of tens of thousands of parts."""
WITHOUT = ("config", "scenario", "list_scenarios", "json", "html")
"""Options that a scenario cannot set."""
_USER_FIELDS = {
    "name": values.text,
    "weight": parse.weight,
    "share": parse.share,
    "input": parse.token_range,
    "output": values.tokens,
}


class ScenarioFile(NamedTuple):
    """What a scenario has besides options."""

    title: str
    users: "tuple[User, ...]"


def bundled() -> dict[str, str]:
    """The bundled scenarios: titles by name, sorted."""
    entries = sorted(files("cli.config.scenarios").iterdir(), key=lambda file: file.name)
    return {
        file.name.removesuffix(SUFFIX): str(values.toml(file.read_text("utf-8"))["title"])
        for file in entries
        if file.name.endswith(SUFFIX)
    }


def load(ctx: typer.Context, scenario: str | None) -> ScenarioFile | None:
    """Callback of --scenario: makes its keys the defaults of options that are parsed later."""
    if ctx.resilient_parsing or scenario is None:
        return None
    try:
        content = values.toml(_text(scenario))
    except ValueError as error:
        raise UserError(f"{scenario}: {error}") from None
    title = content.pop("title", "")
    if not isinstance(title, str):
        raise UserError(f"{scenario}: title: must be a text, not {title!r}")
    tables = _user_tables(scenario, content.pop("user", []))
    if tables and "users" in content:
        raise UserError(f"{scenario}: users and [[user]] exclude each other")
    users = tuple(_user(scenario, number, table) for number, table in enumerate(tables, 1))
    sources.overlay(ctx, content, lambda key: f"{scenario}: {key}", WITHOUT)
    return ScenarioFile(title, users)


def _text(scenario: str) -> str:
    names = bundled()
    if scenario in names:
        return (files("cli.config.scenarios") / f"{scenario}{SUFFIX}").read_text("utf-8")
    try:
        text = values.read_text(Path(scenario), MAX_BYTES)
    except ValueError as error:
        hint = f"name a file or a bundled scenario ({', '.join(names)}); {settings_file.nearest(scenario, names)}"
        raise UserError(f"--scenario: {error}", hint) from None
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > MAX_LINE:
            raise UserError(f"{scenario}: line {number} is longer than {MAX_LINE:,} characters", "break the line")
    return text


def _user_tables(scenario: str, tables: object) -> list[dict[str, Any]]:
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise UserError(f"{scenario}: user: must be tables, [[user]]")
    if len(tables) > parse.MAX_USERS:
        raise UserError(f"{scenario}: [[user]]: must be at most {parse.MAX_USERS:,}, not {len(tables):,}")
    return tables


def _user(scenario: str, number: int, table: Mapping[str, Any]) -> "User":
    from jobs.simulation.workload import Mix, User

    fields = settings_file.parse_table(lambda key: f"{scenario}: [[user]] {number}: {key}", table, _USER_FIELDS)
    mix = {key: fields.pop(key) for key in ("input", "output") if key in fields}
    return User(**{"name": f"user {number}", **fields}, mix=Mix(**mix))
