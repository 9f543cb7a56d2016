"""`bedrock-batch verify`: check an output directory."""

from pathlib import Path

import typer

from cli.config import options
from cli.errors import ExitCode, UserError

MAX_SHOWN = 20
"""Problems that are printed; the rest is counted."""


def verify(directory: Path = options.DIRECTORY, config: Path | None = options.CONFIG) -> None:
    """Check every stored answer against its checksum, and the results against the journal. Changes nothing."""
    import sqlite3
    from contextlib import closing

    from cli.render.text import safe
    from jobs.errors import storage_error
    from jobs.record.journal_file import naming_damage, open_for_reading
    from jobs.record.output_lock import output_lock
    from jobs.results.verification import problems

    if not (directory / "journal.sqlite").exists():
        raise UserError(f"there is no journal in {directory}", "name the --output directory of a run")
    found = 0
    try:
        path = directory / "journal.sqlite"
        with output_lock(directory, 0.0), naming_damage(path), closing(open_for_reading(path)) as db:
            for problem in problems(db, directory):
                found += 1
                if found <= MAX_SHOWN:
                    print(safe(problem))
    except (OSError, sqlite3.Error) as error:
        raise storage_error(str(directory), error) from error
    if found > MAX_SHOWN:
        print(f"and {found - MAX_SHOWN:,} more")
    if found:
        raise typer.Exit(ExitCode.STORAGE)
    print(f"{directory}: no problem found")
