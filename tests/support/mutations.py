"""Hostile variants of a valid input: the same ones for the same seed."""

import contextlib
import random
import signal
from collections.abc import Iterator, Sequence
from types import FrameType

LIMIT = 10.0
"""Seconds until an input counts as a hang."""


def mutated(generator: random.Random, data: bytes, tokens: Sequence[bytes]) -> bytes:
    """A copy with a few bytes flipped, removed, repeated or replaced by tokens, or with its end cut off."""
    changed = bytearray(data)
    for _ in range(generator.choice((1, 1, 2, 4, 16))):
        start = generator.randrange(len(changed) + 1)
        end = min(len(changed), start + generator.choice((1, 1, 2, 8, 64, 1024)))
        match generator.randrange(6):
            case 0:
                for position in range(start, end):
                    changed[position] ^= 1 << generator.randrange(8)
            case 1:
                del changed[start:end]
            case 2:
                changed[start:start] = changed[start:end] * generator.choice((1, 2, 50))
            case 3:
                changed[start:end] = generator.randbytes(end - start)
            case 4:
                changed[start:end] = generator.choice(tokens)
            case _:
                del changed[max(1, start) :]
    return bytes(changed)


@contextlib.contextmanager
def no_hang() -> Iterator[None]:
    """Raise TimeoutError in the main thread after LIMIT."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"it took more than {LIMIT} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, LIMIT)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
