"""The limit of open files: every call in flight needs a file descriptor."""

import resource

from cli.errors import ExitCode, UserError

RESERVED = 64
"""For the journal, the cache, pipes, and files that libraries open."""
MIN_LIMIT = 32
"""A run with one call in flight opens 28."""


def affordable(calls: int) -> int:
    """How many of these calls can be in flight at once; raises the soft limit of this process if that helps."""
    limit = _raised_to(calls + RESERVED)
    return calls if limit is None else max(1, min(calls, limit - RESERVED))


def check_open_files() -> None:
    """Check the limit before a run begins, since a library that reaches it may not say what is wrong."""
    limit = _raised_to(MIN_LIMIT)
    if limit is not None and limit < MIN_LIMIT:
        raise UserError(
            f"the limit of open files is {limit}; a run needs at least {MIN_LIMIT}",
            "raise the limit of open files: `ulimit -n 4096`",
            ExitCode.STORAGE,
        )


def _raised_to(wanted: int) -> int | None:
    """The soft limit, raised as far as needed and possible; None if there is no limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return None if soft == resource.RLIM_INFINITY else soft
