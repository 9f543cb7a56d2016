"""`bedrock-batch cache`: count or delete the answers in the disk cache."""

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cli.config import options, sources
from cli.config import parsers as values
from cli.config.directories import default_cache_dir
from cli.confirmation import confirm
from cli.errors import ExitCode, UserError

if TYPE_CHECKING:
    from jobs.record.cache import Cache


def cache(
    ctx: typer.Context,
    action: Annotated[
        Literal["stats", "clear", "prune"],
        typer.Argument(
            metavar="stats|clear|prune",
            help="Count the answers, delete all, or delete old ones. Output directories keep their own copies.",
        ),
    ],
    older_than: float = options.option(
        None, "With prune: delete answers older than this.", values.age, "DURATION", "30d"
    ),
    yes: bool = options.flag("--yes -y", None, "Delete without asking."),
    cache_dir: Path | None = options.CACHE_DIR,
    config: Path | None = options.CONFIG,
) -> None:
    """Count or delete the answers in the cache that output directories share."""
    import sqlite3

    sources.check_found(ctx)
    if action != "prune" and sources.given(ctx, "older_than"):
        raise UserError(
            f"{sources.origin(ctx, 'older_than')} goes with prune, not with {action}", "nothing was deleted"
        )
    directory = cache_dir or default_cache_dir()
    if not directory.exists():
        print(f"no cache at {directory}")
        return
    from jobs.errors import describe
    from jobs.record.cache import Cache

    try:
        with contextlib.closing(Cache(directory)) as opened:
            if action == "stats":
                entries, size = opened.stats()
                print(f"{entries:,} answers, {size / 1e6:,.1f} MB in {directory}")
            else:
                _delete(opened, older_than if action == "prune" else None, yes=yes)
    except (OSError, sqlite3.Error) as error:
        reason, _ = describe(error)
        raise UserError(
            f"the cache {directory} cannot be used: {reason}", "name another --cache-dir", ExitCode.STORAGE
        ) from None


def _delete(cache: "Cache", older_than: float | None, *, yes: bool) -> None:
    """Delete the answers older than this many seconds, or all, once the user agrees."""
    entries, _ = cache.stats()
    doomed = entries if older_than is None else cache.count_older(older_than)
    if doomed:
        confirm(f"delete {doomed:,} of {entries:,} answers from {cache.directory}", yes=yes)
    deleted = cache.clear() if older_than is None else cache.prune(older_than)
    print(f"{deleted:,} answers deleted from {cache.directory}")
