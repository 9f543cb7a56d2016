"""One run of `analyze` before a person or a cron job: display, signals, summary, exit code."""

import asyncio
import gc
import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, aclosing, contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from typing import cast

from cli import wiring
from cli.errors import UserError
from cli.exit_codes import SIGNAL, ExitCode, worst
from cli.explanation import explained
from cli.narration import Narrator
from cli.render.display import Display, display
from cli.settings import AnalyzeSettings
from cli.signals import Signals, listening
from jobs import events
from jobs.conclusion import conclude
from jobs.documents.intake import PassedOver, survey
from jobs.documents.reading import read
from jobs.journal import Journal
from jobs.output_lock import output_lock
from jobs.results.summary import Summary
from jobs.stats import Stats
from jobs.stopping import Cause, Stop

OF_CAUSE = {
    Cause.BUDGET: ExitCode.LIMIT,
    Cause.DEADLINE: ExitCode.LIMIT,
    Cause.FAILURES: ExitCode.UNITS,
    Cause.ACCESS: ExitCode.ACCESS,
    Cause.UNAVAILABLE: ExitCode.UNAVAILABLE,
}


def analyze(settings: AnalyzeSettings) -> int:
    """Run it and return the exit code. A summary is written, and printed with --json, however it ends.

    Raises:
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
    bug = None
    shown = display(
        settings.progress,
        quiet=settings.quiet,
        no_color=settings.no_color,
        snapshot=stats.snapshot,
        emulated=settings.emulate,
    )
    with shown as screen:
        screen.notice(f"reading {', '.join(settings.paths)}; results go to {settings.output}")
        try:
            with _held(settings), _told(settings, summary, stats), asyncio.Runner(loop_factory=_loop_factory()) as loop:
                loop.run(_run(settings, summary, stats, screen))
        except Exception as error:  # noqa: BLE001 (raised again below, once the summary is printed)
            if known := explained(error):
                summary.exit_code, summary.error = known.exit_code, known.message
                screen.error(known.message, known.hint)
            else:
                bug = error
    if settings.json:
        print(json.dumps(summary.as_dict()), flush=True)
    if summary.sections and not settings.quiet:
        _report(settings, summary)
    if bug is not None:
        raise bug
    return summary.exit_code


def _report(settings: AnalyzeSettings, summary: Summary) -> None:
    from rich.console import Console

    from cli.render import summary as closing

    console = Console(stderr=True, no_color=settings.no_color or None, highlight=False)
    with suppress(OSError):  # whoever read standard error is gone
        closing.summary(summary.as_dict(), str(settings.output), console)


@contextmanager
def _held(settings: AnalyzeSettings) -> Iterator[None]:
    """The output directory: made, writable and locked."""
    with ExitStack() as stack:
        try:
            settings.output.mkdir(parents=True, exist_ok=True)
            stack.enter_context(output_lock(settings.output, settings.lock_wait))
        except OSError as error:
            raise UserError(
                f"cannot write to {settings.output}: {error.strerror}", "choose another --output", ExitCode.STORAGE
            ) from error
        yield


@contextmanager
def _told(settings: AnalyzeSettings, summary: Summary, stats: Stats) -> Iterator[None]:
    """Fill in and write summary.json, also for a run that an error ended."""
    try:
        yield
    except Exception as error:
        summary.take(stats.snapshot())
        known = explained(error)
        summary.exit_code = known.exit_code if known else ExitCode.BUG
        summary.error = known.message if known else f"a bug: {type(error).__name__}"
        with suppress(OSError):
            summary.write(settings.output / "summary.json")
        raise
    summary.write(settings.output / "summary.json")


def _spare_the_collector() -> None:
    """Calls in flight are live objects, not garbage: with 2,000 of them a fifth of the CPU went into visiting them."""
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)


async def _run(settings: AnalyzeSettings, summary: Summary, stats: Stats, screen: Display) -> None:
    """The run itself; the first signal ends it cleanly at any moment."""
    _spare_the_collector()
    signals = Signals(cast("asyncio.Task[None]", asyncio.current_task()).cancel)
    narrator = Narrator(screen, verbose=settings.verbose)

    def emit(event: events.Event) -> None:
        stats(event)
        narrator(event)

    with listening(signals):
        try:
            async with wiring.batch(settings, summary, stats, emit) as batch:
                screen.notice(f"calling {summary.model} at {_shown(summary)}")
                if batch.interrupted:
                    screen.notice(f"{batch.interrupted} calls of a killed run may have been paid for")
                signals.first, signals.again = partial(_stop, signals, batch), batch.dispatcher.abort
                await _dispatch(settings, batch, emit)
                summary.take(stats.snapshot())
                await batch.commit(
                    partial(_concluded, settings=settings, summary=summary, listed=batch.dispatcher.listed_all)
                )
                summary.exit_code = _exit_code(summary, batch.dispatcher.stopped, signals)
                ended = datetime.now(UTC).isoformat(timespec="seconds")
                await batch.commit(lambda journal: journal.end(ended, json.dumps(summary.as_dict())))
        except asyncio.CancelledError:
            if signals.received is None:
                raise
            summary.exit_code = SIGNAL + signals.received


async def _dispatch(settings: AnalyzeSettings, batch: wiring.Batch, emit: events.Emit) -> None:
    """Read, enter, call and close until all is done or the run is stopped."""
    loop, dispatcher, rules = asyncio.get_running_loop(), batch.dispatcher, wiring.intake(settings)
    if settings.deadline is not None:
        reached = Stop(Cause.DEADLINE, "the deadline is reached")
        loop.call_later(settings.deadline, dispatcher.stop, reached)

    async def count() -> None:
        emit(events.Surveyed(*await asyncio.to_thread(survey, settings.paths, rules)))

    counting = asyncio.create_task(count())
    passed_over = PassedOver()
    chunks = read(settings.paths, rules, settings.section_tokens, passed_over=passed_over)
    async with aclosing(chunks):
        await dispatcher.run(chunks)
    counting.cancel()
    if passed_over.hidden:
        emit(events.Notice(f"hidden files and folders left out: {passed_over.hidden}", "name one to have it read"))


def _stop(signals: Signals, batch: wiring.Batch) -> None:
    name = signals.received.name if signals.received else ""
    batch.dispatcher.stop(Stop(Cause.SIGNAL, f"{name} received", "once more ends the run at once"))


def _concluded(journal: Journal, *, settings: AnalyzeSettings, summary: Summary, listed: bool) -> None:
    conclude(journal, settings.output, summary, listed_all=listed)


def _exit_code(summary: Summary, stopped: Stop | None, signals: Signals) -> int:
    """What the run has to say for itself, in a number; the reason it stopped early goes into the summary."""
    codes: list[int] = []
    if stopped is not None:
        summary.error = stopped.reason
        codes.append(OF_CAUSE.get(stopped.cause, ExitCode.OK))
    elif not summary.documents:
        raise UserError("no files were found", "name a file or a folder with .md, .txt or .html files")
    if signals.received is not None:
        codes.append(SIGNAL + signals.received)
    if summary.failed or summary.incomplete or summary.held:
        codes.append(ExitCode.UNITS)
    if summary.unreadable:
        codes.append(ExitCode.UNREADABLE)
    return worst(codes)


def _shown(summary: Summary) -> str:
    return "the built-in emulator (nothing is paid)" if summary.emulated else summary.endpoint


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """Use uvloop where it exists: asyncio's own takes three times the memory for TLS connections."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop
