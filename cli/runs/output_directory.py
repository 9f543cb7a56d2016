"""The directories of a run: the output is created and locked against other runs; shared ones are reported."""

import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
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
            path.mkdir(mode=0o755, parents=True, exist_ok=True)  # not writable for all, whatever the umask
            try:
                stack.enter_context(output_lock(path, 0.0))
            except LockedError as error:
                if not lock_wait:
                    raise
                screen.notice(f"{error}; waiting for it")
                stack.enter_context(output_lock(path, lock_wait))
        except OSError as error:
            raise storage_error(f"the output directory {path}", error) from error
        warn_of_others(path, screen)
        yield


def warn_of_others(path: Path, screen: Display) -> None:
    """Say it if a directory is not where it seems to be, or if other users can replace the answers in it."""
    if path.is_symlink():
        screen.notice(f"{path} is a symbolic link to {path.resolve()}")
    with suppress(OSError):  # a cache that does not exist yet
        if path.stat().st_mode & stat.S_IWOTH:
            screen.notice(f"every user of this machine can replace the files in {path}", f"run: chmod o-w {path}")
