"""The batch of a run on its event loop: read, call, and write the results; stopped by signals, deadline or error."""

import asyncio
import gc
import json
import sqlite3
import sys
from collections.abc import Iterable
from contextlib import aclosing, suppress
from datetime import UTC, datetime
from functools import partial
from signal import SIGPIPE
from typing import cast

from cli import wiring
from cli.config.analyze_settings import AnalyzeSettings
from cli.errors import SIGNAL, ExitCode, UserError, worst
from cli.render.log import Message, as_json
from cli.render.progress.display import Display
from cli.render.progress.notices import Notices
from cli.render.progress.plain import progress_message
from cli.render.stream import put
from cli.runs.open_files import affordable
from cli.runs.row_output import RowOutput
from cli.runs.signals import Signals, listening, showing_progress
from jobs.documents.listing import ListingState, count_files
from jobs.documents.parser_pool import read
from jobs.errors import JobError, StorageError
from jobs.pipeline import events
from jobs.pipeline.dispatcher import Dispatcher
from jobs.pipeline.stopping import Cause, Stop
from jobs.progress.stats import Stats
from jobs.record.free_space import check_free_space, needed_space
from jobs.results.output_files import rows_that_left, write_output_files
from jobs.results.summary import Summary

_OF_CAUSE = {
    Cause.BUDGET: ExitCode.LIMIT,
    Cause.DEADLINE: ExitCode.LIMIT,
    Cause.FAILURES: ExitCode.UNITS,
    Cause.STORAGE: ExitCode.STORAGE,
    Cause.ACCESS: ExitCode.ACCESS,
    Cause.UNAVAILABLE: ExitCode.UNAVAILABLE,
    Cause.OUTPUT: ExitCode.STORAGE,
}


_ROWS_LOST = Stop(Cause.OUTPUT, "the rows of --stream cannot be written to standard output", "run again to continue")

SPACE_CHECK = 1.0
"""Seconds between two looks at the free space of the disk."""


async def run_batch(
    settings: AnalyzeSettings, summary: Summary, stats: Stats, screen: Display, signals: Signals
) -> None:
    """Run to the end, and fill in the summary; the first signal ends it cleanly at any moment."""
    _relieve_collector()
    signals.first = signals.again = cast("asyncio.Task[None]", asyncio.current_task()).cancel
    notices = Notices(screen, verbose=settings.verbose, on_outage=settings.on_outage)

    def emit(event: events.Event) -> None:
        stats(event)
        notices(event)

    rows = RowOutput()
    with listening(signals), showing_progress(lambda: screen.say(progress_message(stats.snapshot()))):
        try:
            async with wiring.batch(settings, summary, stats, emit, rows) as batch:
                endpoint = "the built-in emulator (nothing is paid)" if summary.emulated else summary.endpoint
                calling = f"calling {summary.model} at {endpoint}"
                screen.notice(f"{calling}; analysis {summary.analysis}")
                if settings.quiet and not summary.emulated and not wiring.is_aws(summary.endpoint):
                    line = f"bedrock-batch: {calling}\n"  # nobody is to miss where the texts go
                    put(sys.stderr, as_json(Message(calling)) if settings.log_format == "json" else line)
                if batch.interrupted:
                    screen.notice(f"calls of an earlier run that may have been paid for: {batch.interrupted}")
                rows.lost = partial(asyncio.get_running_loop().call_soon_threadsafe, batch.dispatcher.stop, _ROWS_LOST)
                signals.handle(partial(_stop, signals, batch), batch.dispatcher.abort)
                listed = await _dispatch(settings, batch, emit)
                summary.add_snapshot(stats.snapshot())
                if batch.record.cache and batch.record.cache.failure:
                    screen.notice(f"the cache failed: {batch.record.cache.failure}; the run went on without it")
                write = partial(write_output_files, output=settings.output, summary=summary)
                if failure := batch.record.failure:
                    with suppress(JobError, sqlite3.Error):  # the journal may not even be readable
                        await batch.record.read(write)
                    raise failure
                # In a separate commit, even if empty: answers stay recorded even if the results cannot be written.
                left = await batch.record.submit(partial(rows_that_left, output=settings.output, all_listed=listed))
                await batch.record.submit(write)
                for text, hint in left:
                    screen.notice(text, hint)
                if summary.damaged:
                    screen.notice(f"stored answers that are damaged: {summary.damaged}; run again to call for them")
                stopped = batch.dispatcher.stopped
                summary.error = stopped.reason if stopped else None
                reader_gone = [SIGNAL + SIGPIPE] if isinstance(rows.error, BrokenPipeError) else []
                summary.exit_code = exit_code(summary, stopped, [*signals.exit_codes, *reader_gone])
                ended = datetime.now(UTC).isoformat(timespec="seconds")
                await batch.record.submit(lambda journal: journal.end(ended, json.dumps(summary.as_dict())))
        except asyncio.CancelledError:
            if signals.received is None:
                raise
            summary.error = f"{signals.received.name} received"
            summary.exit_code = worst(signals.exit_codes)


def _relieve_collector() -> None:
    """Collect garbage less often: with 2,000 calls in flight, visiting their objects took a fifth of the CPU."""
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)


async def _dispatch(settings: AnalyzeSettings, batch: wiring.Batch, emit: events.Emit) -> bool:
    """Read and call until all is done or the run is stopped; returns whether every input was listed."""
    loop, dispatcher, rules = asyncio.get_running_loop(), batch.dispatcher, wiring.intake(settings)
    deadline = None
    if settings.deadline is not None:
        deadline = loop.call_later(settings.deadline, dispatcher.stop, Stop(Cause.DEADLINE, "the deadline is reached"))
    counted, listed = ListingState(), ListingState()
    watching = asyncio.create_task(_watch_free_space(settings, dispatcher))
    counting = asyncio.create_task(_count(settings, counted, emit))
    try:
        reading = read(settings.paths, rules, settings.section_tokens, dispatcher.demand, listed, settings.sample)
        async with aclosing(reading) as chunks:
            await dispatcher.run(chunks)
    finally:
        if deadline is not None:
            deadline.cancel()
        watching.cancel()
        counted.cancelled = listed.cancelled = True
        unfinished = counting.cancel()
    if dispatcher.listed_all and not dispatcher.documents_read:
        filtered = "nothing matches --include and --exclude; put quotes around the globs"
        hint = "name a file, or a folder with .md, .txt or .html files"
        raise UserError("no files were found", filtered if settings.include or settings.exclude else hint)
    if unfinished and dispatcher.listed_all:
        _warn_of_first(settings, listed, emit)
    if listed.hidden:
        emit(events.Notice(f"hidden files and folders skipped: {listed.hidden}", "name one as a PATH to read it"))
    return dispatcher.listed_all and not listed.unlisted and settings.sample is None


async def _watch_free_space(settings: AnalyzeSettings, dispatcher: Dispatcher) -> None:
    """Stop the run before the disk is full."""
    needed = needed_space(affordable(settings.concurrency), settings.max_tokens)
    try:
        while True:
            check_free_space(settings.output, needed)
            await asyncio.sleep(SPACE_CHECK)
    except StorageError as error:
        dispatcher.stop(Stop(Cause.STORAGE, error.message, error.hint))


async def _count(settings: AnalyzeSettings, listing: ListingState, emit: events.Emit) -> None:
    """List all files ahead of the reader: for the totals of the progress, and for globs that match nothing."""
    documents, size = await asyncio.to_thread(count_files, settings.paths, wiring.intake(settings), listing)
    # The bytes of a sample are not known: its progress is that of its sections.
    emit(events.InputsCounted(documents, size if settings.sample is None else 0))
    _warn_of_first(settings, listing, emit)


def _warn_of_first(settings: AnalyzeSettings, listing: ListingState, emit: events.Emit) -> None:
    if settings.first and not listing.first:
        globs = ", ".join(settings.first)
        emit(events.Notice(f"no file matches --first {globs}", "check the glob, and put quotes around it"))


def _stop(signals: Signals, batch: wiring.Batch) -> None:
    name = signals.received.name if signals.received else ""
    batch.dispatcher.stop(Stop(Cause.SIGNAL, f"{name} received", "a second signal ends the run at once"))


def exit_code(summary: Summary, stopped: Stop | None, signals: Iterable[int]) -> int:
    """The worst of: the signals' exit codes, the reason to stop, units without an answer, unreadable documents."""
    codes = [*signals]
    if stopped is not None:
        codes.append(_OF_CAUSE.get(stopped.cause, ExitCode.OK))
    counts = summary.failed, summary.incomplete, summary.held, summary.fallback, summary.pending, summary.not_refreshed
    if any(counts):
        codes.append(ExitCode.UNITS)
    if summary.unreadable:
        codes.append(ExitCode.UNREADABLE)
    return worst(codes)
