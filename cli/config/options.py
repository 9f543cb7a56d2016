"""How options are declared, and those that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.config import parsers as values
from cli.config import sources
from cli.errors import PROGRAM

ASK = "What to ask"
CALLS = "Where the calls go"
RATE = "Rate and concurrency"
LIMITS = "Limits of the run"
FILES = "Files"
OUTPUT = "Output"

SETTINGS_HELP = (
    "Options also come from the environment (BEDROCK_BATCH_COMMAND_OPTION, as in BEDROCK_BATCH_ANALYZE_MAX_TOKENS) "
    "and from bedrock-batch.toml. The command line goes first, then the environment, then the file."
)


def option(
    name: str,
    panel: str | None,
    help: str,  # noqa: A002 (Typer's own name for it)
    parser: Callable[[object], Any] | None = None,
    metavar: str | None = None,
    default: str = "",
) -> Any:
    """An option that takes a value. `default` is what the help shows for the one in the function's signature."""
    # As part of the text: Typer's own way takes Rich half as long again for the page, and knows no 15m, only 900.0.
    shown = rf"{help} [dim]\[default: {default}][/dim]" if default else help
    return typer.Option(
        name,
        parser=parser,
        metavar=metavar,
        help=shown,
        show_default=False,
        show_envvar=False,
        rich_help_panel=panel,
    )


def flag(name: str, panel: str | None, help: str, *, eager: Callable[..., Any] | None = None) -> Any:  # noqa: A002
    """An option that is there or not; `eager` is called before any other option is read."""
    return typer.Option(
        name,
        parser=values.switch,
        help=help,
        metavar="",  # else the help shows it as taking a <bool>
        show_envvar=False,
        allow_from_autoenv=eager is None,
        rich_help_panel=panel,
        callback=eager,
        is_eager=eager is not None,
    )


Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        parser=values.path,
        metavar="FILE",
        help="Settings file; bedrock-batch.toml in the working directory is read without it.",
        callback=sources.load,
        is_eager=True,
        show_envvar=False,
    ),
]
"""To be a parameter of every command: reading it reads the settings of the others."""

CacheDir = Annotated[
    Path | None,
    option("--cache-dir", FILES, "Where answers are kept for other output directories.", values.path, "DIR"),
]


def _print_help(ctx: typer.Context, wanted: bool) -> bool:
    if wanted:
        print(ctx.get_help(), end="")
        raise typer.Exit
    return wanted


def _print_version(wanted: bool) -> bool:
    if wanted:
        from importlib.metadata import version

        print(f"{PROGRAM} {version(PROGRAM)}")
        raise typer.Exit
    return wanted


Help = Annotated[bool, flag("--help", None, "Show this message and exit.", eager=_print_help)]
"""Of the program itself: with Typer's own one, every `COMMAND --help` would wait for pydantic to be imported."""
Version = Annotated[bool, flag("--version", None, "Show the version and exit.", eager=_print_version)]
