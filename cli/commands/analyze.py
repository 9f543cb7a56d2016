"""`bedrock-batch analyze`: read, split, deduplicate, call, write results."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from cli.config import aws_names, options, sources
from cli.config import parsers as values
from cli.config.analyze_settings import analyze_settings
from cli.config.options import ASK, CALLS, FILES, LIMITS, OUTPUT, RATE, flag, option
from cli.render import log
from jobs.requests.tasks import DEFAULT, TASKS


class Retry(StrEnum):
    """Units that a plain re-run does not retry."""

    FAILED = "failed"
    INCOMPLETE = "incomplete"
    HELD = "held"


_TASK_NAMES = ", ".join(TASKS)

Text = str | None
Amount = float | None
Texts = list[str] | None


def analyze(
    ctx: typer.Context,
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH", parser=values.source, help="Files and folders to read.")
    ],
    task: Text = option(ASK, f"A ready-made task: {_TASK_NAMES}.", values.task, "NAME", DEFAULT),
    prompt: Text = option(
        ASK,
        "The question for each section. {document} and {heading_path} are replaced by its location.",
        values.text,
        "TEXT",
    ),
    prompt_file: Path | None = option(ASK, "Read the prompt from a file; - is standard input.", values.path, "FILE"),
    system: Text = option(ASK, "System prompt.", values.text, "TEXT"),
    name: Text = option(
        ASK, "Name of this analysis in the output directory; default: the task's, or prompt-HASH.", values.name, "NAME"
    ),
    max_tokens: int = option(
        ASK,
        "Maximum length of an answer. Each call reserves it from the token quota, so set it near the real length.",
        values.whole,
        "N",
        "1024",
    ),
    temperature: Amount = option(ASK, "0 to 1; sent only if given.", values.fraction, "X"),
    top_p: Amount = option(ASK, "0 to 1; sent only if given.", values.fraction, "X"),
    stop: Texts = option(ASK, "Text that ends an answer; may be repeated.", values.stop, "TEXT"),
    section_tokens: int = option(ASK, "Maximum section length; longer ones are split.", values.whole, "N", "2000"),
    model: Text = option(CALLS, "Model id, inference profile id or ARN.", aws_names.model_id, "ID"),
    region: Text = option(CALLS, "AWS region; default: the profile's or AWS_REGION.", aws_names.region, "NAME"),
    profile: Text = option(CALLS, "AWS profile.", values.text, "NAME"),
    endpoint_url: Text = option(
        CALLS,
        "Another Bedrock Runtime (also AWS_ENDPOINT_URL_BEDROCK_RUNTIME); plain http only on this machine.",
        aws_names.endpoint,
        "URL",
    ),
    emulate: bool = flag(
        "--emulate", CALLS, "Call a built-in emulator instead: no AWS account, no cost, no real answers."
    ),
    rpm: Amount = option(RATE, "Quota in requests per minute.", values.rate, "N|auto|none", "auto"),
    tpm: Amount = option(RATE, "Quota in tokens per minute.", values.rate, "N|auto|none", "auto"),
    burst: float = option(RATE, "Burst size, in seconds of quota.", values.some_time, "DURATION", "1s"),
    pacing: Literal["burst", "smooth"] = option(
        RATE, "smooth: spread the starts of calls evenly; needs --rpm N.", default="burst"
    ),
    concurrency: int = option(
        RATE,
        "Maximum calls in flight. It bounds memory and sockets; the quota bounds the rate.",
        values.whole,
        "N",
        "1000",
    ),
    fair_by: Literal["document", "none"] = option(
        RATE,
        "document: open documents share the rate, so a huge one does not delay the others. none: in order.",
        default="document",
    ),
    max_attempts: int = option(LIMITS, "Attempts of a call, throttled ones not counted.", values.whole, "N", "8"),
    call_timeout: float = option(LIMITS, "Timeout of one call.", values.some_time, "DURATION", "15m"),
    sample: int | None = option(
        LIMITS, "Call only N sections, of as many documents as there are: to test a prompt.", values.whole, "N"
    ),
    budget: Amount = option(LIMITS, "Stop before the run costs more.", values.amount, "USD"),
    deadline: Amount = option(LIMITS, "Stop after this time.", values.some_time, "DURATION"),
    max_failures: Any = option(LIMITS, "Stop after this many failures.", values.max_failures, "N|P%"),
    grace: float = option(
        LIMITS, "Time for calls in flight to finish after a stop.", values.duration, "DURATION", "60s"
    ),
    on_unknown: Literal["retry", "hold"] = option(
        LIMITS, "A call with an unknown outcome, possibly paid for: call again, or hold it.", default="retry"
    ),
    on_outage: Literal["wait", "fail", "fallback"] = option(
        LIMITS,
        "During an outage: wait, stop, or write marked excerpts that the next run replaces.",
        default="wait",
    ),
    retry: list[Retry] | None = option(
        LIMITS, "Also retry sections with this status; may be repeated.", metavar="failed|incomplete|held"
    ),
    include: Texts = option(FILES, "Read only matching files; may be repeated.", values.text, "GLOB"),
    exclude: Texts = option(FILES, "Skip matching files; may be repeated.", values.text, "GLOB"),
    first: Texts = option(FILES, "Matching files go before all others; may be repeated.", values.text, "GLOB"),
    follow_symlinks: bool = flag("--follow-symlinks", FILES, "Follow symbolic links in folders."),
    max_file_size: int = option(FILES, "Larger files are listed as unreadable.", values.size, "SIZE", "64MiB"),
    cache_dir: Path | None = options.CACHE_DIR,
    no_cache: bool = flag("--no-cache", FILES, "Neither read nor write the cache."),
    refresh: bool = flag("--refresh", FILES, "Call again for sections that have an answer."),
    output: Path = option(
        OUTPUT,
        "Results and journal; a re-run resumes there.",
        values.path,
        "DIR",
        "bedrock-batch-out",
        names="--output -o",
    ),
    no_keep_text: bool = flag("--no-keep-text", OUTPUT, "Do not store the texts of sections in the journal."),
    lock_wait: float = option(OUTPUT, "Wait for another run on the same output.", values.duration, "DURATION", "0s"),
    progress: Literal["auto", "live", "plain", "none"] = option(
        OUTPUT, "auto: live on a terminal, plain lines elsewhere.", default="auto"
    ),
    json: bool = flag("--json", OUTPUT, "Print the summary as one JSON object on standard output."),
    stream: bool = flag(
        "--stream", OUTPUT, "Print each row as a JSON line on standard output the moment it is answered."
    ),
    quiet: bool = flag("--quiet -q", OUTPUT, "Print errors only."),
    verbose: bool = flag("--verbose -v", OUTPUT, "Print more; show each setting's source."),
    no_color: bool = flag("--no-color", OUTPUT, "No colours."),
    log_format: Literal["text", "json"] = option(
        OUTPUT, "json: everything on standard error as one JSON object a line.", default="text"
    ),
    healthcheck_url: Text = option(
        OUTPUT, "Ping a healthchecks.io check: URL/start, then URL/EXIT-CODE.", values.ping_url, "URL"
    ),
    metrics_file: Path | None = option(
        OUTPUT, "Write the run's figures for node_exporter's textfile collector.", values.path, "FILE.prom"
    ),
    config: Path | None = options.CONFIG,
) -> None:
    """Ask a model on Amazon Bedrock about every section of the documents, and write the answers to results.jsonl.

    A re-run on the same output resumes: no answer is paid for twice.
    """
    settings = analyze_settings(ctx)
    if settings.verbose:
        _print_settings(ctx, settings.log_format)
    from cli.runs import analyze as analysis

    raise typer.Exit(analysis.analyze(settings))


def _print_settings(ctx: typer.Context, log_format: str) -> None:
    for line in sources.shown_settings(ctx):
        print(log.as_json(log.Message(line)) if log_format == "json" else f"{line}\n", end="", file=sys.stderr)
