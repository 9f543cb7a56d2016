"""How options are declared, and the options that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.config import completion, sources
from cli.config import parsers as values
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
    name: str,
    panel: str | None,
    help: str,  # noqa: A002 (Typer's own name for it)
    parser: Callable[[object], Any] | None = None,
    metavar: str | None = None,
    default: str = "",
    *,
    short: str = "",
) -> Any:
    """An option that takes a value. `default` is shown in the help; the one that counts is in the signature."""
    # Part of the text: Typer's own rendering takes half as long again, and shows 900.0 instead of 15m.
    shown = rf"{help} [dim]\[default: {default}][/dim]" if default else help
    return typer.Option(
        *_names(name, short),
        parser=parser,
        metavar=metavar,
        help=shown,
        show_default=False,
        show_envvar=False,
        rich_help_panel=panel,
    )


def flag(
    name: str,
    panel: str | None,
    help: str,  # noqa: A002
    *,
    short: str = "",
    eager: Callable[..., Any] | None = None,
) -> Any:
    """An option without a value; `eager` is called before any other option is read."""
    return typer.Option(
        *_names(name, short),
        parser=values.switch,
        help=help,
        metavar="",  # else the help shows it as taking a <bool>
        show_envvar=False,
        allow_from_autoenv=eager is None,
        rich_help_panel=panel,
        callback=eager,
        is_eager=eager is not None,
    )


def _names(name: str, short: str) -> tuple[str, ...]:
    return (name, short) if short else (name,)


Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        parser=values.path,
        metavar="FILE",
        help="Settings file; without it, bedrock-batch.toml in the working directory.",
        callback=sources.load,
        is_eager=True,
        show_envvar=False,
    ),
]
"""A parameter of every command: its callback loads the settings of all options."""

CacheDir = Annotated[
    Path | None,
    option("--cache-dir", FILES, "Cache of answers, shared between output directories.", values.path, "DIR"),
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


Help = Annotated[bool, flag("--help", None, "Show this message and exit.", short="-h", eager=_print_help)]
"""Of the program itself. With Typer's own options, this one and the next two, every `COMMAND --help` would import
pydantic."""
InstallCompletion = Annotated[
    bool, flag("--install-completion", None, "Install completion for this shell.", eager=completion.install)
]
ShowCompletion = Annotated[
    bool, flag("--show-completion", None, "Show the completion script for this shell.", eager=completion.show)
]
Version = Annotated[bool, flag("--version", None, "Show the version and exit.", eager=_print_version)]
