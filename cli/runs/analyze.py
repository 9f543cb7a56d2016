"""One run of `analyze` before a person or a cron job: display, signals, summary, exit code."""

import asyncio
import gc
import json
import os
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, aclosing, contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from typing import cast

from cli import wiring
from cli.config.analyze_settings import AnalyzeSettings
from cli.errors import ExitCode, UserError, expected, worst
from cli.render.progress.display import Display, display
from cli.render.progress.notices import Narrator
from cli.render.stream import stdout_lost
from cli.runs.signals import Signals, listening
from jobs.documents.listing import ListingState, count_files
from jobs.documents.parser_pool import read
from jobs.errors import LockedError, storage_error
from jobs.pipeline import events
from jobs.pipeline.stopping import Cause, Stop
from jobs.progress.stats import Stats
from jobs.record.journal import Journal
from jobs.record.lock import output_lock
from jobs.record.queries import mark_missing
from jobs.results.output_files import write_output_files
from jobs.results.summary import Summary

OF_CAUSE = {
    Cause.BUDGET: ExitCode.LIMIT,
    Cause.DEADLINE: ExitCode.LIMIT,
    Cause.FAILURES: ExitCode.UNITS,
    Cause.ACCESS: ExitCode.ACCESS,
    Cause.UNAVAILABLE: ExitCode.UNAVAILABLE,
}


def analyze(settings: AnalyzeSettings) -> int:
    """Run it and return the exit code.

    A summary is printed with --json however it ends, and written once the output directory is held.

    Raises:
        UserError: standard output cannot take the summary.
        Exception: a bug.
    """
    stats = Stats(time.monotonic, quota=wiring.quota(settings))
    summary = Summary(
        run_id=uuid.uuid4().hex[:12],
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        model=settings.model or wiring.EMULATED_MODEL,
        endpoint=settings.endpoint_url or "",
        emulated=settings.emulate,
    )
    shown = display(
        settings.progress,
        quiet=settings.quiet,
        no_color=settings.no_color,
        snapshot=stats.snapshot,
        emulated=settings.emulate,
    )
    signals, bug = Signals(), None
    with shown as screen:
        screen.notice(f"reading {', '.join(settings.paths)}; results go to {settings.output}")
        try:
            _check_paths(settings.paths)
            with (
                _output_directory(settings, screen),
                _summary_written(settings, summary, stats, signals),
                _runner() as runner,
            ):
                runner.run(_run(settings, summary, stats, screen, signals))
        except Exception as error:  # noqa: BLE001 (raised again below, once the summary is printed)
            if known := expected(error):
                _note(known, summary, signals)
                screen.error(known.message, known.hint)
            else:
                bug = error
    _print(settings, summary)
    if bug is not None:
        raise bug
    return summary.exit_code


def _check_paths(paths: tuple[str, ...]) -> None:
    """One path that is missing is told of with the unreadable documents; if all are, the command line is wrong."""
    if not any(os.path.lexists(path) for path in paths):
        raise UserError(f"no such file or folder: {', '.join(paths)}", "check the name")


def _print(settings: AnalyzeSettings, summary: Summary) -> None:
    """The summary, for a program and for a person."""
    if summary.sections and not settings.quiet:
        from rich.console import Console

        from cli.render import summary as closing

        console = Console(stderr=True, no_color=settings.no_color or None, highlight=False)
        with suppress(OSError):  # whoever read standard error is gone
            closing.summary(summary.as_dict(), str(settings.output), console)
    elif settings.quiet and summary.exit_code and not summary.error:
        with suppress(OSError):
            print(f"bedrock-batch: exit code {summary.exit_code}: {summary.problems()}", file=sys.stderr)
    if settings.json:
        try:
            print(json.dumps(summary.as_dict()), flush=True)
        except BrokenPipeError:
            raise  # whoever read it has enough: an end of its own (cli.app)
        except OSError as error:
            lost = stdout_lost(error)
            summary.error = lost.message
            summary.exit_code = lost.exit_code = worst([lost.exit_code, summary.exit_code])
            with suppress(OSError):
                summary.write(settings.output / "summary.json")
            raise lost from error


@contextmanager
def _output_directory(settings: AnalyzeSettings, screen: Display) -> Iterator[None]:
    """The output directory: made, writable and locked."""
    with ExitStack() as stack:
        try:
            settings.output.mkdir(parents=True, exist_ok=True)
            try:
                stack.enter_context(output_lock(settings.output, 0.0))
            except LockedError as error:
                if not settings.lock_wait:
                    raise
                screen.notice(f"{error}; waiting for it")
                stack.enter_context(output_lock(settings.output, settings.lock_wait))
        except OSError as error:
            raise storage_error(f"the output directory {settings.output}", error) from error
        yield


@contextmanager
def _summary_written(settings: AnalyzeSettings, summary: Summary, stats: Stats, signals: Signals) -> Iterator[None]:
    """Fill in and write summary.json, also for a run that an error ended."""
    try:
        yield
    except Exception as error:
        summary.add_snapshot(stats.snapshot())
        bug = UserError(f"a bug: {type(error).__name__}", exit_code=ExitCode.BUG)
        _note(expected(error) or bug, summary, signals)
        with suppress(OSError):
            summary.write(settings.output / "summary.json")
        raise
    summary.write(settings.output / "summary.json")


def _note(known: UserError, summary: Summary, signals: Signals) -> None:
    summary.error = known.message
    summary.exit_code = worst([known.exit_code, *signals.exit_codes])


async def _run(settings: AnalyzeSettings, summary: Summary, stats: Stats, screen: Display, signals: Signals) -> None:
    """The run itself; the first signal ends it cleanly at any moment."""
    _spare_the_collector()
    signals.first = signals.again = cast("asyncio.Task[None]", asyncio.current_task()).cancel
    narrator = Narrator(screen, verbose=settings.verbose, on_outage=settings.on_outage)

    def emit(event: events.Event) -> None:
        stats(event)
        narrator(event)

    with listening(signals):
        try:
            async with wiring.batch(settings, summary, stats, emit) as batch:
                screen.notice(f"calling {summary.model} at {_shown(summary)}")
                if batch.interrupted:
                    screen.notice(f"calls of an earlier run that may have been paid for: {batch.interrupted}")
                signals.first, signals.again = partial(_stop, signals, batch), batch.dispatcher.abort
                listed = await _dispatch(settings, batch, emit)
                summary.add_snapshot(stats.snapshot())
                # On its own: what was paid for must not depend on whether the results can be written.
                await batch.record.submit(partial(_settled, listed=listed))
                await batch.record.submit(partial(write_output_files, output=settings.output, summary=summary))
                _judge(summary, batch.dispatcher.stopped, signals)
                ended = datetime.now(UTC).isoformat(timespec="seconds")
                await batch.record.submit(lambda journal: journal.end(ended, json.dumps(summary.as_dict())))
        except asyncio.CancelledError:
            if signals.received is None:
                raise
            summary.exit_code = worst(signals.exit_codes)


def _spare_the_collector() -> None:
    """Calls in flight are live objects, not garbage: with 2,000 of them a fifth of the CPU went into visiting them."""
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)


async def _dispatch(settings: AnalyzeSettings, batch: wiring.Batch, emit: events.Emit) -> bool:
    """Read, enter, call and close until all is done or the run is stopped; returns whether all inputs were met.

    Raises:
        UserError: there are no inputs.
    """
    loop, dispatcher, rules = asyncio.get_running_loop(), batch.dispatcher, wiring.intake(settings)
    deadline = None
    if settings.deadline is not None:
        deadline = loop.call_later(settings.deadline, dispatcher.stop, Stop(Cause.DEADLINE, "the deadline is reached"))
    counted, listed = ListingState(), ListingState()

    async def count() -> None:
        emit(events.InputsCounted(*await asyncio.to_thread(count_files, settings.paths, rules, counted)))
        if settings.first and not counted.first:
            emit(events.Notice("no file matches --first", "mind quotes around the globs"))

    counting = asyncio.create_task(count()) if settings.sample is None else None
    try:
        reading = read(settings.paths, rules, settings.section_tokens, dispatcher.demand, listed)
        async with aclosing(reading) as chunks:
            await dispatcher.run(chunks)
    finally:
        if deadline is not None:
            deadline.cancel()
        counted.cancelled = listed.cancelled = True
        if counting is not None:
            counting.cancel()
    if dispatcher.listed_all and not dispatcher.documents_read:
        raise UserError(*_no_files(settings))
    if listed.hidden:
        emit(events.Notice(f"hidden files and folders left out: {listed.hidden}", "name one to have it read"))
    return dispatcher.listed_all and not listed.unlisted


def _no_files(settings: AnalyzeSettings) -> tuple[str, str]:
    if settings.include or settings.exclude:
        return "no files were found", "nothing passes --include and --exclude; mind quotes around the globs"
    return "no files were found", "name a file or a folder with .md, .txt or .html files"


def _stop(signals: Signals, batch: wiring.Batch) -> None:
    name = signals.received.name if signals.received else ""
    batch.dispatcher.stop(Stop(Cause.SIGNAL, f"{name} received", "once more ends the run at once"))


def _settled(journal: Journal, *, listed: bool) -> None:
    if listed:
        mark_missing(journal)


def _judge(summary: Summary, stopped: Stop | None, signals: Signals) -> None:
    """What the run has to say for itself, in a number; the reason it stopped early goes into the summary."""
    codes: list[int] = [*signals.exit_codes]
    if stopped is not None:
        summary.error = stopped.reason
        codes.append(OF_CAUSE.get(stopped.cause, ExitCode.OK))
    if summary.failed or summary.incomplete or summary.held or summary.fallback or summary.pending:
        codes.append(ExitCode.UNITS)
    if summary.unreadable:
        codes.append(ExitCode.UNREADABLE)
    summary.exit_code = worst(codes)


def _shown(summary: Summary) -> str:
    return "the built-in emulator (nothing is paid)" if summary.emulated else summary.endpoint


def _runner() -> asyncio.Runner:
    """Of uvloop where it exists: asyncio's own loop takes three times the memory for TLS connections."""
    try:
        import uvloop
    except ImportError:
        return asyncio.Runner()
    return asyncio.Runner(loop_factory=uvloop.new_event_loop)
