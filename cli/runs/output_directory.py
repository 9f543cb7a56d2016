"""The output directory of a run: created, writable, and locked against other runs."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from cli.errors import UserError
from cli.render.progress.display import Display
from jobs.errors import LockedError, storage_error
from jobs.record.output_lock import output_lock


@contextmanager
def output_directory(path: Path, lock_wait: float, screen: Display) -> Iterator[None]:
    """Create the directory and hold its lock; `lock_wait` is how many seconds to wait for another run."""
    if path.exists() and not path.is_dir():
        raise UserError(f"the output {path} is a file, not a directory", "name a directory with --output")
    with ExitStack() as stack:
        try:
            path.mkdir(parents=True, exist_ok=True)
            try:
                stack.enter_context(output_lock(path, 0.0))
            except LockedError as error:
                if not lock_wait:
                    raise
                screen.notice(f"{error}; waiting for it")
                stack.enter_context(output_lock(path, lock_wait))
        except OSError as error:
            raise storage_error(f"the output directory {path}", error) from error
        yield
