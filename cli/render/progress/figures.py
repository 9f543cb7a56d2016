"""Parts that the live display and the plain lines share (pure, and without Rich)."""

from cli.render.numbers import counted, duration
from jobs.progress.snapshot import Snapshot


def has_begun(shot: Snapshot) -> bool:
    """Whether there is anything to show. Before, only messages are: an early error is not buried under zeros."""
    return bool(shot.documents or shot.sections or shot.calls)


def documents_read(shot: Snapshot) -> str:
    """`120/300`; `120` while the total is unknown."""
    return f"{shot.documents:,}" + ("" if shot.documents_total is None else f"/{shot.documents_total:,}")


def answers(shot: Snapshot) -> str:
    """`6,300/12,000 answers`; in words if no call is needed."""
    if shot.units:
        return f"{shot.units_done:,}/{shot.units:,} answers"
    if not shot.sections:
        return "no sections yet"
    if shot.sections == shot.resumed:
        return f"all {counted(shot.sections, 'section')} already answered"
    return f"{counted(shot.sections, 'section')}, no call needed"


def pause(shot: Snapshot) -> str:
    """Why no call starts, and for how long if that is known."""
    return f"{shot.paused}; next call in {duration(shot.next_call)}" if shot.next_call else shot.paused
