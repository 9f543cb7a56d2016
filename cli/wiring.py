"""The composition root: connects the parts of one run of `analyze`, and the gate that `simulate` shares with it."""

import asyncio
import math
import random
import re
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cli.config.analyze_settings import AnalyzeSettings
from cli.config.directories import default_cache_dir
from cli.errors import UserError
from cli.runs.open_files import affordable
from jobs.bedrock.catalogue import look_up, region_class
from jobs.documents.listing import FileRules
from jobs.errors import StorageError, describe, storage_error
from jobs.pipeline import events
from jobs.pipeline.dispatcher import Dispatcher
from jobs.pipeline.quota_learning import QuotaLearning
from jobs.pipeline.stopping import Cause, Policy, Stop
from jobs.progress.snapshot import Quota
from jobs.progress.stats import Stats
from jobs.record.analysis import default_name
from jobs.record.cache import Cache
from jobs.record.journal import Journal, RunStart
from jobs.record.protocol import Status
from jobs.record.queries import longest_answer
from jobs.record.quota_memory import QuotaMemory, QuotaScope
from jobs.record.record_writer import RecordWriter
from jobs.record.spool import Spool, find, recover
from jobs.requests.cost import CONTEXT, MONEY, REQUESTS, TOKENS, Meter
from jobs.requests.request import RequestTemplate
from jobs.results.row_stream import RowStream
from jobs.results.summary import Summary
from ratelimit.algorithms.budget import Budget
from ratelimit.gate import Gate
from ratelimit.known_quota import KnownQuota
from ratelimit.quota_book import Dimension, QuotaBook

if TYPE_CHECKING:
    from jobs.bedrock.credentials import Access
    from jobs.emulator.child import ChildEmulator
    from jobs.simulation.experiment import Experiment

EMULATED_MODEL = "amazon.nova-lite-v1:0"
"""The default model with --emulate."""

EMULATOR = "emulator"
"""The identity of the built-in emulator."""

SMOOTH_SHARE = 0.98
"""The part of a rate that --pacing smooth uses: a call that overtakes the one before it would be throttled."""

_AWS = re.compile(r"https://bedrock-runtime(-fips)?\.[a-z0-9-]+\.(amazonaws\.com(\.cn)?|api\.aws)")


@dataclass(frozen=True, slots=True)
class Batch:
    """The parts of one run that `cli.runs` uses."""

    dispatcher: Dispatcher
    record: RecordWriter
    interrupted: int
    """Attempts that a killed run left open; they may have been paid for."""


@asynccontextmanager
async def batch(
    settings: AnalyzeSettings, summary: Summary, stats: Stats, emit: events.Emit, write_rows: Callable[[str], object]
) -> AsyncIterator[Batch]:
    """Connect the parts of a run and begin it in the record; fills in endpoint and analysis of the summary.

    `write_rows` takes the lines of --stream.
    """
    model = look_up(summary.model, settings.model_overrides)
    if settings.budget is not None and model.price is None:
        raise UserError(
            f"--budget needs a price, and the price of {summary.model} is unknown",
            f'set input_usd and output_usd under [models."{summary.model}"] in the settings file',
        )
    from jobs.bedrock.transport import BedrockTransport

    notices: list[events.Notice] = []
    async with AsyncExitStack() as stack:
        access, identity, emulator = await _service(settings, stack)
        transport = BedrockTransport(access)
        stack.push_async_callback(transport.close)
        summary.endpoint = access.endpoint
        record = RecordWriter(
            settings.output / "journal.sqlite",
            Spool(settings.output, settings.state_dir, summary.run_id),
            _open_journal,
            (lambda: None) if settings.no_cache else partial(_open_cache, settings.cache_dir, notices),
            RowStream(write_rows) if settings.stream else None,
        )
        await stack.enter_async_context(record)
        for notice in notices:
            emit(notice)
        await _recover(record, settings, emit)
        template = _template(settings, summary.model, identity)
        start = _start(settings, summary, template.question)
        interrupted, limits, analysis, backup = await record.submit(
            lambda journal: (journal.begin(start), journal.version_1_limits(), journal.analysis, journal.backup)
        )
        stats.answers_before(await record.submit(lambda journal: longest_answer(journal.db, analysis)))
        if backup:
            emit(events.Notice(f"the journal is from an older version; it was migrated, and {backup} is the old one"))
        summary.analysis = analysis.name
        summary.question = {**analysis.question, "max_tokens": settings.max_tokens}
        memory = None if settings.emulate else QuotaMemory(settings.state_dir / "quotas.json")
        scope = QuotaScope(identity, access.account, access.region, summary.model)
        learning = QuotaLearning(memory, scope, emit)
        stack.callback(learning.close)
        dispatcher = Dispatcher(
            template=template,
            meter=Meter(model),
            record=record,
            transport=transport,
            gate=gate(settings, model.context_tokens, learning),
            policy=Policy(
                max_attempts=settings.max_attempts,
                call_timeout=settings.call_timeout,
                grace=settings.grace,
                hold_unknown=start.hold,
                on_outage=settings.on_outage,
                max_failures=settings.max_failures,
            ),
            emit=emit,
            uniform=random.SystemRandom().random,
            run_id=summary.run_id,
            fair=settings.fair_by == "document",
            version_1_limits=limits,
        )
        stats.stages = dispatcher.stages
        stats.priced = model.price is not None
        stats.max_tokens, stats.concurrency = settings.max_tokens, settings.concurrency
        if emulator is not None:
            watching = asyncio.create_task(_stop_with(emulator, dispatcher))
            stack.callback(watching.cancel)
        yield Batch(dispatcher, record, interrupted)


def _start(settings: AnalyzeSettings, summary: Summary, question: str) -> RunStart:
    return RunStart(
        run_id=summary.run_id,
        started_at=summary.started_at,
        question=question,
        default_name=default_name(settings.task, question),
        name=settings.name,
        max_tokens=settings.max_tokens,
        selected=frozenset(map(Status, settings.retry)) | ({Status.OK} if settings.refresh else set()),
        hold=settings.on_unknown == "hold",
        keep_text=not settings.no_keep_text,
    )


def _template(settings: AnalyzeSettings, model: str, endpoint: str) -> RequestTemplate:
    return RequestTemplate(
        model=model,
        model_class=region_class(model),
        endpoint=endpoint,
        prompt=settings.prompt,
        system=settings.system,
        max_tokens=settings.max_tokens,
        temperature=settings.temperature,
        top_p=settings.top_p,
        stop=settings.stop,
    )


async def _stop_with(emulator: "ChildEmulator", dispatcher: Dispatcher) -> None:
    """Stop the run if its emulator ends: unlike a service, it does not come back."""
    how = await emulator.wait()
    dispatcher.stop(Stop(Cause.UNAVAILABLE, f"the emulator ended ({how})", "run again: the run continues"))


async def _recover(record: RecordWriter, settings: AnalyzeSettings, emit: events.Emit) -> None:
    """Read the spool files of earlier runs into the journal, and remove those that are in it completely."""
    for path in find(settings.output, settings.state_dir):
        recovered = await record.submit(partial(recover, path=path))
        if recovered.refused:
            text = f"lines of {path} that are damaged or belong to another journal: {recovered.refused}"
            emit(events.Notice(text, "delete the file if you do not need it"))
        else:
            with suppress(OSError):  # the next run finds its lines in the journal
                path.unlink()
        if recovered.recorded:
            emit(events.Notice(f"calls of an earlier run that are in the journal now: {recovered.recorded}"))


def gate(settings: AnalyzeSettings, context: float | None, learning: QuotaLearning) -> Gate:
    """The gate for the quotas, configured or learned, for the model's context, and for the budget."""
    # The built-in emulator has no quota to learn.
    dimensions = _quotas(settings.rpm, settings.tpm, settings.burst, learning, learn=not settings.emulate)
    max_in_flight = affordable(settings.concurrency)
    if context is not None:
        dimensions[CONTEXT] = Dimension(Budget(math.inf), context)
    if settings.budget is not None:
        dimensions[MONEY] = Dimension(Budget(settings.budget), settings.budget)
    book, turn_away = QuotaBook(dimensions), settings.on_outage == "fallback"
    if settings.pacing == "smooth" and settings.rpm is not None:
        from ratelimit.smooth_gate import SmoothGate

        return SmoothGate(book, max_in_flight, per_minute=settings.rpm * SMOOTH_SHARE, turn_away=turn_away)
    return Gate(book, max_in_flight, turn_away=turn_away)


def simulated_gate(experiment: "Experiment", configured: bool, emit: events.Emit) -> Gate:
    """The gate of a real run against a simulated server, with its quotas configured or learned."""
    rules = experiment.scenario.rules
    learning = QuotaLearning(None, QuotaScope("simulated", "", "", ""), emit)
    burst = min(rules.burst, 60.0) if rules.refill == "bucket" else 1.0
    rpm, tpm = (rules.rpm, rules.tpm) if configured else (None, None)
    return Gate(QuotaBook(_quotas(rpm, tpm, burst, learning, learn=not configured)), experiment.concurrency)


def _quotas(
    rpm: float | None, tpm: float | None, burst: float, learning: QuotaLearning, *, learn: bool
) -> dict[str, Dimension]:
    """Quotas per minute: infinity is `none`; None is learned, or left out unless `learn`. `burst` is in seconds."""
    dimensions = {}
    for name, quota in ((REQUESTS, rpm), (TOKENS, tpm)):
        if quota is not None and quota < math.inf:
            # At least one request: half a request a minute is one every two minutes.
            largest = max(quota, 1.0) if name == REQUESTS else quota
            dimensions[name] = Dimension(KnownQuota(quota / 60, quota / 60 * burst), largest)
        elif quota is not None or learn:
            dimensions[name] = Dimension(learning.controller(name, unlimited=quota is not None), math.inf)
    return dimensions


def quota(settings: AnalyzeSettings) -> Quota:
    """The configured quota, for display."""
    rpm, tpm = (quota if quota and quota < math.inf else None for quota in (settings.rpm, settings.tpm))
    return Quota(rpm, tpm, "configured" if rpm or tpm else None, settings.burst)


def intake(settings: AnalyzeSettings) -> FileRules:
    """Which files are read: never those that the run itself writes."""
    return FileRules(
        include=settings.include,
        exclude=settings.exclude,
        first=settings.first,
        follow_symlinks=settings.follow_symlinks,
        max_file_size=settings.max_file_size,
        skip_folders=(settings.output, settings.cache_dir),
    )


async def _service(settings: AnalyzeSettings, stack: AsyncExitStack) -> tuple["Access", str, "ChildEmulator | None"]:
    """Access to the service that answers, and its identity in request keys: `aws`, `emulator`, or a URL.

    The service is the emulator in its own process, or Bedrock or another endpoint with the account's credentials.
    """
    from jobs.bedrock.credentials import Access, Bearer, resolve

    if settings.emulate:
        from jobs.emulator.child import spawn
        from jobs.emulator.settings import EmulatorSettings

        emulator = await spawn(EmulatorSettings())
        stack.push_async_callback(emulator.stop)
        return Access(emulator.url, "local", Bearer("emulator"), None, None), EMULATOR, emulator
    access = await resolve(settings.profile, settings.region, settings.endpoint_url)
    return access, "aws" if is_aws(access.endpoint) else access.endpoint, None


def is_aws(endpoint: str) -> bool:
    """Whether it is one of AWS's own endpoints."""
    return _AWS.fullmatch(endpoint) is not None


def _open_journal(path: Path) -> Journal:
    try:
        return Journal(path)
    except (sqlite3.Error, OSError) as error:
        raise storage_error(str(path), error) from error


def _open_cache(directory: Path, notices: list[events.Notice]) -> Cache | None:
    """The cache, or None where the default directory cannot be used; a directory that was named must be usable."""
    try:
        cache = Cache(directory)
    except (sqlite3.Error, OSError) as error:
        text = f"the cache {directory} cannot be used: {describe(error)[0]}"
        hint = "choose another --cache-dir, or run with --no-cache"
        if directory != default_cache_dir():
            raise StorageError(text, hint) from error
        notices.append(events.Notice(f"{text}; the run goes on without it", hint))
        return None
    if cache.set_aside:
        notices.append(events.Notice(f"the cache was damaged and is replaced; the old one is {cache.set_aside}"))
    return cache
