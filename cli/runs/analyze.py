"""One run of `analyze` as its user sees it: display, errors, summary, exit code."""

import asyncio
import json
import os
import signal
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from cli import wiring
from cli.bug_report import report
from cli.config.analyze_settings import AnalyzeSettings
from cli.errors import SIGNAL, ExitCode, SignalReceived, UserError, expected, worst
from cli.render import log
from cli.render.progress.display import Display, display
from cli.render.progress.plain import SilentDisplay
from cli.render.stream import print_error, put, stdout_lost
from cli.render.text import safe
from cli.runs.address_space import check_address_space
from cli.runs.batch import run_batch
from cli.runs.healthcheck import Healthcheck
from cli.runs.open_files import check_open_files
from cli.runs.output_directory import output_directory, warn_of_others
from cli.runs.signals import Signals, ignore
from jobs.errors import JournalError, StorageError, storage_error
from jobs.progress.stats import Stats
from jobs.results.metrics_file import write_metrics
from jobs.results.summary import Summary


def analyze(settings: AnalyzeSettings) -> int:
    """Run it and return the exit code.

    With --json the summary is printed on every exit; it is written to the output directory once that is locked.
    """
    stats = Stats(time.monotonic, quota=wiring.quota(settings), emulated=settings.emulate)
    summary = Summary(
        run_id=uuid.uuid4().hex[:12],
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        model=settings.model or wiring.EMULATED_MODEL,
        endpoint=settings.endpoint_url or "",
        emulated=settings.emulate,
    )
    screen = display(
        settings.progress,
        quiet=settings.quiet,
        no_color=settings.no_color,
        log_format=settings.log_format,
        snapshot=stats.snapshot,
    )
    signals, check, known, bug = Signals(), Healthcheck(settings.healthcheck_url), None, None
    with screen:
        screen.notice(f"reading {', '.join(settings.paths)}; results go to {settings.output}")
        try:
            check.start()
            _run(settings, summary, stats, screen, signals)
        except (Exception, SignalReceived) as error:  # noqa: BLE001 (reported below)
            _record_error(error, summary, signals)
            known = expected(error)
            if known is not None:
                screen.error(known.message, known.hint)
            elif isinstance(error, Exception):
                bug = error
        finally:
            ignore()
    try:
        _print_end(settings, summary, known, bug)
        if settings.json:
            _print_json(settings, summary)
    finally:
        _monitor(settings, summary, check)
    return summary.exit_code


def _run(settings: AnalyzeSettings, summary: Summary, stats: Stats, screen: Display, signals: Signals) -> None:
    _check_paths(settings.paths)
    check_open_files()
    check_address_space()
    for directory in (settings.state_dir, *(() if settings.no_cache else [settings.cache_dir])):
        warn_of_others(directory, screen)
    with (
        output_directory(settings.output, settings.lock_wait, screen),
        _write_summary(settings, summary, stats, signals),
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,  # a third of the memory for TLS
    ):
        runner.run(run_batch(settings, summary, stats, screen, signals))


def _check_paths(paths: tuple[str, ...]) -> None:
    """A missing path is reported with the unreadable documents; if all are missing, the command line is wrong."""
    if not any(os.path.lexists(path) for path in paths):
        raise UserError(f"no such file or folder: {', '.join(paths)}", "check the name")


def _print_end(settings: AnalyzeSettings, summary: Summary, known: UserError | None, bug: Exception | None) -> None:
    """Print the final block, or its line; `known`, which the screen has shown, or else `bug` ended the run."""
    as_json = settings.log_format == "json"
    if as_json:
        if summary.exit_code or not settings.quiet:
            from cli.render.summary import end_message

            put(sys.stderr, log.as_json(end_message(summary.as_dict())))
    elif not settings.quiet:
        if known is None or summary.documents or summary.calls:  # else the message says it all
            _print_block(settings, summary)
    elif known is None and bug is None:
        _print_exit_code(summary)
    if bug is not None:
        print_error(report(bug, command="analyze"), as_json=as_json)


def _monitor(settings: AnalyzeSettings, summary: Summary, check: Healthcheck) -> None:
    """Write the metrics and send the exit code. A failure is a notice: what watches the run is not its result."""
    screen = SilentDisplay(sys.stderr, log.renderer(settings.log_format, quiet=settings.quiet), quiet=settings.quiet)
    if settings.metrics_file is not None:
        try:
            write_metrics(settings.metrics_file, summary, settings.output, time.time())
        except OSError as error:
            screen.warning(f"cannot write the metrics file {settings.metrics_file}: {error.strerror}")
    check.end(summary.exit_code, screen.warning)


def _print_exit_code(summary: Summary) -> None:
    """With --quiet: one line if something is wrong."""
    if summary.exit_code:
        line = f"bedrock-batch: exit code {summary.exit_code}: {summary.error or summary.problems()}"
        with suppress(OSError):
            print(safe(line), file=sys.stderr)


def _print_block(settings: AnalyzeSettings, summary: Summary) -> None:
    from rich.console import Console

    from cli.render.summary import print_summary

    console = Console(stderr=True, no_color=settings.no_color or None, highlight=False)
    with suppress(OSError):  # the reader of standard error is gone
        print_summary(summary.as_dict(), str(settings.output), console)


def _print_json(settings: AnalyzeSettings, summary: Summary) -> None:
    try:
        print(json.dumps(summary.as_dict()), flush=True)
    except BrokenPipeError:
        summary.exit_code = SIGNAL + signal.SIGPIPE
        raise  # the reader has enough; cli.app ends with this code
    except OSError as error:
        lost = stdout_lost(error)
        summary.error = lost.message
        summary.exit_code = lost.exit_code = worst([lost.exit_code, summary.exit_code])
        with suppress(OSError):
            summary.write(settings.output / "summary.json")
        raise lost from error


@contextmanager
def _write_summary(settings: AnalyzeSettings, summary: Summary, stats: Stats, signals: Signals) -> Iterator[None]:
    """Fill in and write summary.json, also for a run that ended with an error."""
    path = settings.output / "summary.json"
    try:
        yield
    except (Exception, SignalReceived) as error:
        summary.add_snapshot(stats.snapshot())
        _record_error(error, summary, signals)
        if not isinstance(error, JournalError):  # a directory whose journal is refused stays as it is
            with suppress(StorageError):
                _replace(path, summary)
        raise
    _replace(path, summary)


def _replace(path: Path, summary: Summary) -> None:
    """Write summary.json; where that fails there is none, as an earlier one would pass for the summary of this run."""
    try:
        summary.write(path)
    except OSError as error:
        with suppress(OSError):
            path.unlink()
        raise storage_error(str(path), error) from error


def _record_error(error: Exception | SignalReceived, summary: Summary, signals: Signals) -> None:
    known = expected(error) or UserError(f"a bug: {type(error).__name__}", exit_code=ExitCode.BUG)
    summary.error = known.message
    summary.exit_code = worst([known.exit_code, *signals.exit_codes])
