"""The limit of address space (`ulimit -v`): native code that reaches it aborts or spins instead of saying so."""

import resource

from cli.errors import FREE_ADDRESS_SPACE, ExitCode, UserError

MIN_LIMIT = 1 << 30
"""Bytes. Half of it is what a run with 1,000 calls in flight took, most of it reserved for threads and never used."""


def check_address_space() -> None:
    """Check the limit before a run begins."""
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft != resource.RLIM_INFINITY and soft < MIN_LIMIT:
        message = f"the limit of address space is {soft >> 20} MB; a run needs at least {MIN_LIMIT >> 20} MB"
        raise UserError(message, FREE_ADDRESS_SPACE, ExitCode.STORAGE)
