"""How options are declared, and the options that several commands share."""

from collections.abc import Callable
from typing import Any

import typer

from cli.config import parsers as values
from cli.config import shell_completion, sources
from cli.errors import PROGRAM

ASK = "What to ask"
CALLS = "Where the calls go"
RATE = "Rate and concurrency"
LIMITS = "Limits of the run"
FILES = "Files"
OUTPUT = "Output"

SETTINGS_HELP = (
    "Options also come from the environment (BEDROCK_BATCH_COMMAND_OPTION, as in BEDROCK_BATCH_ANALYZE_MAX_TOKENS) "
    "and from bedrock-batch.toml. The command line takes precedence, then the environment, then the file."
)


def option(
    panel: str | None,
    help: str,  # noqa: A002 (Typer's own name for it)
    parser: Callable[[object], Any] | None = None,
    metavar: str | None = None,
    default: str | None = None,
    names: str = "",
    *,
    unset: str = "",
    eager: Callable[..., Any] | None = None,
) -> Any:
    """An option that takes a value; without `names` it is named after its parameter.

    `default` is written and parsed like a user's value. Without one, the help shows `unset` in its place. `eager` is
    called before any other option is read; it returns the value.
    """
    shown = default or unset
    return typer.Option(
        default,
        *names.split(),
        parser=parser,
        metavar=metavar,
        # The default is part of the text: Typer's own rendering takes half as long again.
        help=rf"{help} [dim]\[default: {shown}][/dim]" if shown else help,
        show_default=False,
        show_envvar=False,
        rich_help_panel=panel,
        callback=eager,
        is_eager=eager is not None,
    )


def flag(
    names: str,
    panel: str | None,
    help: str,  # noqa: A002
    *,
    eager: Callable[..., Any] | None = None,
) -> Any:
    """An option without a value; see `option` for the rest."""
    return typer.Option(
        False,
        *names.split(),
        parser=values.switch,
        help=help,
        metavar="",  # else the help shows it as taking a <bool>
        show_envvar=False,
        allow_from_autoenv=eager is None,
        rich_help_panel=panel,
        callback=eager,
        is_eager=eager is not None,
    )


CONFIG = option(
    None,
    "Settings file; without it, bedrock-batch.toml in the working directory.",
    values.path,
    "FILE",
    eager=sources.load,
)
"""A parameter of every command: its callback loads the settings of all options."""

DIRECTORY = typer.Argument(
    "bedrock-batch-out", metavar="DIR", parser=values.path, help="The output directory of a run."
)
CACHE_DIR = option(FILES, "Cache of answers, shared between output directories.", values.path, "DIR")


def _print_help(ctx: typer.Context, wanted: bool) -> None:
    if wanted:
        print(ctx.get_help(), end="")
        raise typer.Exit


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"{PROGRAM} {version(PROGRAM)}")
        raise typer.Exit


# Of the program itself. With Typer's own options for the first three, every `COMMAND --help` would import pydantic.
HELP = flag("--help -h", None, "Show this message and exit.", eager=_print_help)
INSTALL_COMPLETION = flag("--install-completion", None, "Install shell completion.", eager=shell_completion.install)
SHOW_COMPLETION = flag("--show-completion", None, "Show the script for shell completion.", eager=shell_completion.show)
VERSION = flag("--version", None, "Show the version and exit.", eager=_print_version)
