"""One stage of the pipeline, for displays."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of the pipeline: what waits before it, what is in it, what has left it."""

    name: str
    waiting: int
    active: int
    done: int
