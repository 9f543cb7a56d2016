"""The settings of a run of `analyze`: checked once, here, and frozen."""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from cli.config import aws_names, sources
from cli.config.directories import default_cache_dir, default_state_dir
from cli.config.prompt import prompt
from cli.errors import UserError

if TYPE_CHECKING:
    from jobs.pipeline.stopping import MaxFailures

AWS_ENDPOINTS = ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "AWS_ENDPOINT_URL")
"""As any AWS tool reads them, the first that is set; AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true turns both off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyzeSettings:
    """All options of `analyze`, resolved. Times are in seconds, sizes in bytes."""

    paths: tuple[str, ...]
    model: str | None
    """None only with `emulate`: the emulator's own."""
    region: str | None
    """None: from the profile or the environment."""
    profile: str | None
    endpoint_url: str | None
    """From the option or the environment; None with `emulate`, or for the region's own."""
    emulate: bool
    prompt: str
    """The template, never blank."""
    task: str | None
    """The ready-made task that the prompt is from."""
    name: str | None
    """Of the analysis; None: see jobs.record.analysis."""
    system: str
    """Empty: not sent."""
    max_tokens: int
    temperature: float | None
    top_p: float | None
    stop: tuple[str, ...]
    section_tokens: int
    rpm: float | None
    """Requests per minute; None: `auto`, infinity: `none`. The same for tpm, in tokens."""
    tpm: float | None
    burst: float
    pacing: Literal["burst", "smooth"]
    concurrency: int
    fair_by: Literal["document", "none"]
    max_attempts: int
    call_timeout: float
    output: Path
    cache_dir: Path
    state_dir: Path
    """For learned quotas; there is no option for it."""
    no_cache: bool
    refresh: bool
    no_keep_text: bool
    retry: frozenset[str]
    """Of `failed`, `incomplete`, `held`."""
    sample: int | None
    budget: float | None
    """USD."""
    deadline: float | None
    max_failures: "MaxFailures | None"
    grace: float
    on_unknown: Literal["retry", "hold"]
    on_outage: Literal["wait", "fail", "fallback"]
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    first: tuple[str, ...]
    follow_symlinks: bool
    max_file_size: int
    progress: Literal["auto", "live", "plain", "none"]
    quiet: bool
    verbose: bool
    no_color: bool
    json: bool
    stream: bool
    log_format: Literal["text", "json"]
    healthcheck_url: str | None
    """A secret."""
    metrics_file: Path | None
    lock_wait: float
    model_overrides: Mapping[str, Mapping[str, float]]
    """By a pattern of model ids; see aws_names.MODEL_FIELDS."""


def analyze_settings(ctx: typer.Context) -> AnalyzeSettings:
    """The settings of a parsed command line."""
    sources.check_found(ctx)
    given = dict(ctx.params)
    verbosity = sources.strongest(ctx, "quiet", "verbose")
    target = sources.strongest(ctx, "endpoint_url", "emulate")
    template, task = prompt(ctx)
    given |= {
        "prompt": template,
        "task": task,
        "quiet": verbosity == "quiet",
        "verbose": verbosity == "verbose",
        "emulate": target == "emulate",
        "endpoint_url": None if target == "emulate" else given["endpoint_url"] or _endpoint_of_environment(),
        "cache_dir": given["cache_dir"] or default_cache_dir(),
        "state_dir": default_state_dir(),
        "system": given["system"] or "",
        "retry": frozenset(given["retry"] or ()),
        "model_overrides": sources.models(ctx),
    }
    for name in ("paths", "stop", "include", "exclude", "first"):
        given[name] = tuple(given[name] or ())
    settings = AnalyzeSettings(**{field.name: given[field.name] for field in fields(AnalyzeSettings)})
    _check(ctx, settings)
    return settings


def _check(ctx: typer.Context, settings: AnalyzeSettings) -> None:
    if settings.model is None and not settings.emulate:
        raise UserError(
            "no model to call", "give --model ID (a model or inference profile), or --emulate to try it without AWS"
        )
    if settings.pacing == "smooth" and settings.rpm in (None, math.inf):
        raise UserError(
            f"{sources.origin(ctx, 'pacing')}: smooth spreads the calls of a known quota", "give --rpm N as well"
        )


def _endpoint_of_environment() -> str | None:
    if os.environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
        return None
    for name in AWS_ENDPOINTS:
        if os.environ.get(name):
            try:
                return aws_names.endpoint(os.environ[name])
            except ValueError as error:
                raise UserError(f"environment variable {name}: {error}") from None
    return None
