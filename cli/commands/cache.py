"""`bedrock-batch cache`: what answers the disk cache holds."""

import contextlib
from pathlib import Path
from typing import Annotated, Literal

import typer

from cli.config import options
from cli.config import parsers as values
from cli.config.analyze_settings import default_cache_dir
from cli.errors import ExitCode, UserError

_HINT = "name another --cache-dir"


def cache(
    action: Annotated[
        Literal["stats", "clear", "prune"],
        typer.Argument(
            metavar="stats|clear|prune",
            help="Count the answers, remove all, or remove old ones. What is paid for is in the output directories.",
        ),
    ],
    older_than: Annotated[
        float,
        options.option("--older-than", None, "What prune removes.", values.duration, "DURATION", "30d"),
    ] = 30 * 86400.0,
    cache_dir: options.CacheDir = None,
    config: options.Config = None,
) -> None:
    """Look after the cache that output directories share."""
    import sqlite3

    directory = cache_dir or default_cache_dir()
    try:
        print(_done(directory, action, older_than))
    except (OSError, sqlite3.Error) as error:
        raise UserError(f"the cache {directory} cannot be used: {error}", _HINT, ExitCode.STORAGE) from None


def _done(directory: Path, action: str, older_than: float) -> str:
    if not directory.exists():
        return f"no cache at {directory}"
    from jobs.record.cache import Cache

    with contextlib.closing(Cache(directory)) as opened:
        match action:
            case "clear":
                return f"{opened.clear()} answers removed from {directory}"
            case "prune":
                return f"{opened.prune(older_than)} answers removed from {directory}"
        entries, size = opened.stats()
        return f"{entries} answers, {size / 1e6:,.1f} MB in {directory}"
