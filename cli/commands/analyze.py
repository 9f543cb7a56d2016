"""`bedrock-batch analyze`: read, split, deduplicate, call, write results."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from cli.config import aws_names, options, sources
from cli.config import parsers as values
from cli.config.analyze_settings import analyze_settings
from cli.config.options import ASK, CALLS, FILES, LIMITS, OUTPUT, RATE, flag, option
from jobs.requests.tasks import DEFAULT, TASKS


class Retry(StrEnum):
    """Units that a plain re-run does not retry."""

    FAILED = "failed"
    INCOMPLETE = "incomplete"
    HELD = "held"


Text = str | None
Count = int | None
Amount = float | None
Texts = list[str] | None


def analyze(
    ctx: typer.Context,
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH", parser=values.source, help="Files and folders to read.")
    ],
    task: Annotated[
        Text, option("--task", ASK, f"A ready-made task: {', '.join(TASKS)}.", values.task, "NAME", DEFAULT)
    ] = None,
    prompt: Annotated[
        Text,
        option(
            "--prompt",
            ASK,
            "The question for each section. {document} and {heading_path} are replaced by its location.",
            values.text,
            "TEXT",
        ),
    ] = None,
    prompt_file: Annotated[
        Path | None, option("--prompt-file", ASK, "The same, from a file; - is standard input.", values.path, "FILE")
    ] = None,
    system: Annotated[Text, option("--system", ASK, "System prompt.", values.text, "TEXT")] = None,
    max_tokens: Annotated[
        int,
        option(
            "--max-tokens",
            ASK,
            "Maximum length of an answer. Each call reserves it from the token quota, so set it near the real length.",
            values.whole,
            "N",
            "1024",
        ),
    ] = 1024,
    temperature: Annotated[
        Amount, option("--temperature", ASK, "0 to 1; sent only if given.", values.fraction, "X")
    ] = None,
    top_p: Annotated[Amount, option("--top-p", ASK, "0 to 1; sent only if given.", values.fraction, "X")] = None,
    stop: Annotated[
        Texts, option("--stop", ASK, "Text that ends an answer; may be repeated.", values.stop, "TEXT")
    ] = None,
    section_tokens: Annotated[
        int,
        option("--section-tokens", ASK, "Maximum section length; longer ones are split.", values.whole, "N", "2000"),
    ] = 2000,
    model: Annotated[
        Text, option("--model", CALLS, "Model id, inference profile id or ARN.", aws_names.model_id, "ID")
    ] = None,
    region: Annotated[
        Text,
        option("--region", CALLS, "AWS region; default: the profile's or AWS_REGION.", aws_names.region, "NAME"),
    ] = None,
    profile: Annotated[Text, option("--profile", CALLS, "AWS profile.", values.text, "NAME")] = None,
    endpoint_url: Annotated[
        Text,
        option(
            "--endpoint-url",
            CALLS,
            "Another Bedrock Runtime (also AWS_ENDPOINT_URL_BEDROCK_RUNTIME); plain http only on this machine.",
            aws_names.endpoint,
            "URL",
        ),
    ] = None,
    emulate: Annotated[
        bool, flag("--emulate", CALLS, "Call a built-in emulator instead: no AWS account, no cost, no real answers.")
    ] = False,
    rpm: Annotated[
        Amount, option("--rpm", RATE, "Quota in requests per minute.", values.rate, "N|auto|none", "auto")
    ] = None,
    tpm: Annotated[
        Amount, option("--tpm", RATE, "Quota in tokens per minute.", values.rate, "N|auto|none", "auto")
    ] = None,
    burst: Annotated[
        float,
        option("--burst", RATE, "How much of a quota can be used at once.", values.some_time, "DURATION", "1s"),
    ] = 1.0,
    pacing: Annotated[
        Literal["burst", "smooth"],
        option("--pacing", RATE, "smooth: spread the starts of calls evenly; needs --rpm N.", default="burst"),
    ] = "burst",
    concurrency: Annotated[
        Count,
        option(
            "--concurrency",
            RATE,
            "Maximum calls in flight. It bounds memory and sockets; the quota bounds the rate.",
            values.whole,
            "N",
            "1000",
        ),
    ] = None,
    fair_by: Annotated[
        Literal["document", "none"],
        option(
            "--fair-by",
            RATE,
            "document: open documents share the rate, so a huge one does not delay the others. none: in order.",
            default="document",
        ),
    ] = "document",
    max_attempts: Annotated[
        int,
        option("--max-attempts", LIMITS, "Attempts of a call, throttled ones not counted.", values.whole, "N", "8"),
    ] = 8,
    call_timeout: Annotated[
        float, option("--call-timeout", LIMITS, "Timeout of one call.", values.some_time, "DURATION", "15m")
    ] = 900.0,
    sample: Annotated[
        Count, option("--sample", LIMITS, "Only the first N sections: to try a prompt.", values.whole, "N")
    ] = None,
    budget: Annotated[
        Amount, option("--budget", LIMITS, "Stop before the run costs more.", values.amount, "USD")
    ] = None,
    deadline: Annotated[
        Amount, option("--deadline", LIMITS, "Stop after this time.", values.some_time, "DURATION")
    ] = None,
    max_failures: Annotated[
        Any, option("--max-failures", LIMITS, "Stop after this many failures.", values.max_failures, "N|P%")
    ] = None,
    grace: Annotated[
        float,
        option(
            "--grace",
            LIMITS,
            "Time for calls in flight to finish after a stop.",
            values.duration,
            "DURATION",
            "60s",
        ),
    ] = 60.0,
    on_unknown: Annotated[
        Literal["retry", "hold"],
        option(
            "--on-unknown",
            LIMITS,
            "A call with an unknown outcome, possibly paid for: call again, or hold it.",
            default="retry",
        ),
    ] = "retry",
    on_outage: Annotated[
        Literal["wait", "fail", "fallback"],
        option(
            "--on-outage",
            LIMITS,
            "During an outage: wait, stop, or use marked excerpts in place of answers until a re-run.",
            default="wait",
        ),
    ] = "wait",
    retry: Annotated[
        list[Retry] | None,
        option(
            "--retry",
            LIMITS,
            "Also retry these, which a plain re-run does not; may be repeated.",
            metavar="failed|incomplete|held",
        ),
    ] = None,
    include: Annotated[
        Texts, option("--include", FILES, "Read only matching files; may be repeated.", values.text, "GLOB")
    ] = None,
    exclude: Annotated[
        Texts, option("--exclude", FILES, "Skip matching files; may be repeated.", values.text, "GLOB")
    ] = None,
    first: Annotated[
        Texts,
        option("--first", FILES, "Matching files go before all others; may be repeated.", values.text, "GLOB"),
    ] = None,
    follow_symlinks: Annotated[bool, flag("--follow-symlinks", FILES, "Follow symbolic links in folders.")] = False,
    max_file_size: Annotated[
        int, option("--max-file-size", FILES, "Larger files are listed as unreadable.", values.size, "SIZE", "64MiB")
    ] = 64 << 20,
    cache_dir: options.CacheDir = None,
    no_cache: Annotated[bool, flag("--no-cache", FILES, "Neither read nor write the cache.")] = False,
    refresh: Annotated[bool, flag("--refresh", FILES, "Call again for sections that have an answer.")] = False,
    output: Annotated[
        Path,
        option(
            "--output",
            OUTPUT,
            "Results and journal; a re-run resumes there.",
            values.path,
            "DIR",
            "bedrock-batch-out",
            short="-o",
        ),
    ] = Path("bedrock-batch-out"),
    lock_wait: Annotated[
        float,
        option(
            "--lock-wait",
            OUTPUT,
            "Wait for another run on the same output.",
            values.duration,
            "DURATION",
            "0s",
        ),
    ] = 0.0,
    progress: Annotated[
        Literal["auto", "live", "plain", "none"],
        option("--progress", OUTPUT, "auto: live on a terminal, plain lines elsewhere.", default="auto"),
    ] = "auto",
    json: Annotated[bool, flag("--json", OUTPUT, "Print the summary as one JSON object on standard output.")] = False,
    quiet: Annotated[bool, flag("--quiet", OUTPUT, "Print errors only.", short="-q")] = False,
    verbose: Annotated[bool, flag("--verbose", OUTPUT, "Print more; show each setting's source.", short="-v")] = False,
    no_color: Annotated[bool, flag("--no-color", OUTPUT, "No colours.")] = False,
    config: options.Config = None,
) -> None:
    """Ask a model on Amazon Bedrock about every section of the documents, and write the answers to results.jsonl.

    A re-run on the same output resumes: no answer is paid for twice.
    """
    settings = analyze_settings(ctx)
    if settings.verbose:
        sources.print_settings(ctx)
    from cli.runs import analyze as analysis

    raise typer.Exit(analysis.analyze(settings))
