"""Where this system keeps caches and state, unless an option says otherwise."""

from pathlib import Path

from cli.errors import PROGRAM


def default_cache_dir() -> Path:
    """`~/.cache/bedrock-batch` on Linux."""
    from platformdirs import user_cache_path

    return user_cache_path(PROGRAM, appauthor=False)


def default_state_dir() -> Path:
    """`~/.local/state/bedrock-batch` on Linux: learned quotas and the log of the last bug."""
    from platformdirs import user_state_path

    return user_state_path(PROGRAM, appauthor=False)
