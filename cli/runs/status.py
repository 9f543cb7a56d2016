"""One `status` as its user sees it."""

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from cli.config.directories import default_state_dir
from cli.confirmation import confirm
from cli.render.numbers import counted
from cli.render.status import status_lines
from jobs.errors import storage_error
from jobs.record.journal import Journal
from jobs.record.journal_file import naming_damage, open_for_reading
from jobs.record.output_lock import holder, output_lock
from jobs.record.overview import overview
from jobs.record.pruning import prunable
from jobs.record.pruning import prune as delete
from jobs.record.spool import find


def status(directory: Path, *, as_json: bool) -> None:
    """Print what the directory holds."""
    path = directory / "journal.sqlite"
    with _naming(path), naming_damage(path), closing(open_for_reading(path)) as db:
        found = overview(db, holder(directory), find(directory, default_state_dir()))
    if as_json:
        print(json.dumps(found))
    else:
        print("\n".join(status_lines(found, str(directory))))


def prune(directory: Path, older_than: float, *, yes: bool) -> None:
    """Delete what no document needs and what is older than this many seconds, once the user agrees."""
    path, before = directory / "journal.sqlite", time.time() - older_than
    with _naming(path):
        open_for_reading(path).close()  # never creates or migrates
        with output_lock(directory, 0.0), closing(Journal(path)) as journal:
            found = prunable(journal.db, before)
            what = f"{counted(found.answers, 'answer')} and {counted(found.attempts, 'attempt')} from {path}"
            if any(found):
                confirm(f"delete {what}", yes=yes)
                journal.transact([lambda journal: delete(journal, before)])
                journal.db.execute("VACUUM")
            print(f"deleted: {what}")


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise storage_error(str(path), error) from error
