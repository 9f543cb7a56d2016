"""The exit code of a run that reached its end or was stopped; errors have theirs in cli.errors."""

from collections.abc import Iterable

from cli.errors import ExitCode, worst
from jobs.pipeline.stopping import Cause, Stop
from jobs.results.summary import Summary

_OF_CAUSE = {
    Cause.BUDGET: ExitCode.LIMIT,
    Cause.DEADLINE: ExitCode.LIMIT,
    Cause.FAILURES: ExitCode.UNITS,
    Cause.ACCESS: ExitCode.ACCESS,
    Cause.UNAVAILABLE: ExitCode.UNAVAILABLE,
}


def exit_code(summary: Summary, stopped: Stop | None, signals: Iterable[int]) -> int:
    """The worst of: the signals' exit codes, the reason to stop, units without an answer, unreadable documents."""
    codes = [*signals]
    if stopped is not None:
        codes.append(_OF_CAUSE.get(stopped.cause, ExitCode.OK))
    if (
        summary.failed
        or summary.incomplete
        or summary.held
        or summary.fallback
        or summary.pending
        or summary.not_refreshed
    ):
        codes.append(ExitCode.UNITS)
    if summary.unreadable:
        codes.append(ExitCode.UNREADABLE)
    return worst(codes)
