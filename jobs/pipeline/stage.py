"""One stage of the pipeline, for displays."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stage:
    """Numbers of items before, in and after a stage."""

    name: str
    waiting: int
    active: int
    done: int
