"""`bedrock-batch simulate`: compares rate-limiting algorithms without an AWS account."""

from functools import partial
from pathlib import Path
from typing import Any, Literal

import typer

from cli.config import options, scenario_file, sources
from cli.config import parsers as values
from cli.config import simulate_parsers as parse
from cli.config.options import OUTPUT, flag, option
from cli.errors import UserError

SERVER, WORKLOAD, EVENTS = "Server", "Workload", "Events"

Server = Literal["bucket", "fixed", "sliding"]
Arrivals = Literal["batch", "poisson", "bursty"]
"""Copies of jobs.emulator.quotas.Refill and jobs.simulation.arrivals.Arrivals: `--help` needs them, and those modules
are slow to import."""


def _list_scenarios(wanted: bool) -> None:
    if wanted:
        for name, title in scenario_file.bundled().items():
            print(f"{name}\n    {title}")
        raise typer.Exit


def simulate(
    ctx: typer.Context,
    rate: float | None = option(SERVER, "The quota in requests per minute.", parse.rpm, "N"),
    tpm: float | None = option(SERVER, "The quota in tokens per minute.", parse.tpm, "N", unset="none"),
    server: Server = option(SERVER, "How the quota refills: token bucket, fixed or sliding window.", default="bucket"),
    burst: float = option(SERVER, "Size of the token bucket.", parse.burst, "DURATION", "1s"),
    latency: float = option(SERVER, "Median latency of a call.", parse.time, "DURATION", "6s"),
    requests: int | None = option(WORKLOAD, "Number of requests.", parse.requests, "N", unset="300"),
    duration: float | None = option(
        WORKLOAD, "Instead of --requests: run for this long, with requests until the end.", parse.duration, "DURATION"
    ),
    arrivals: Arrivals = option(
        WORKLOAD, "When requests arrive: all at once, at random, or in bursts.", default="batch"
    ),
    load: float = option(WORKLOAD, "Mean arrival rate relative to --rate, unless batch.", parse.load, "X", "0.9"),
    users: int = option(WORKLOAD, "Number of users that share the quota.", parse.users, "N", "1"),
    max_tokens: int = option(WORKLOAD, "Tokens a call reserves for its answer.", values.tokens, "N", "1024"),
    docs: list[str] | None = option(
        WORKLOAD,
        "Take the number and sizes of the requests from these documents; nothing is sent. Repeatable.",
        values.source,
        "PATH",
    ),
    concurrency: int = option(WORKLOAD, "Max calls in flight.", values.whole, "N", "1000"),
    outage: list[Any] | None = option(
        EVENTS, "The server returns 503, as in 60-120 or 1m-2m. Repeatable.", parse.outage, "FROM-TO"
    ),
    quota_change: list[Any] | None = option(
        EVENTS, "Change --rate, and --tpm in proportion, as in 5m:50. Repeatable.", parse.quota_change, "T:RATE"
    ),
    tenant: list[Any] | None = option(
        EVENTS,
        "Another client sends RPM requests per minute, as in 5m-10m:50. Repeatable.",
        parse.tenant,
        "FROM-TO:RPM",
    ),
    algorithm: list[str] | None = option(
        None, "Run only this algorithm. Repeatable.", parse.algorithm, "NAME", unset="all"
    ),
    config: Path | None = options.CONFIG,  # before --scenario: the settings file may name the scenario
    scenario: Any = option(
        None,
        "Read options from a bundled scenario or a TOML file; the command line takes precedence.",
        values.source,
        "NAME|FILE",
        eager=scenario_file.load,
    ),
    list_scenarios: bool = flag(
        "--list-scenarios", None, "List the bundled scenarios and exit.", eager=_list_scenarios
    ),
    seed: int = option(None, "Seed of the random numbers.", values.seed, "N", "0"),
    json: bool = flag("--json", OUTPUT, "Print the results as one JSON object."),
    html: Path | None = option(OUTPUT, "Write an HTML page with charts.", values.path, "FILE"),
) -> None:
    """Compare rate-limiting algorithms against a simulated Bedrock: virtual time, no AWS account."""
    if rate is None:
        raise UserError("--rate is missing", "give --rate N, or --scenario NAME (see --list-scenarios)")
    length = sources.strongest(ctx, "requests", "duration")
    from cli.config.simulate_settings import SimulateSettings
    from cli.runs.simulate import simulate as run

    settings = SimulateSettings(
        rate=rate,
        tpm=tpm,
        server=server,
        burst=burst,
        latency=latency,
        requests=requests if length == "requests" else None,
        duration=duration if length == "duration" else None,
        arrivals=arrivals,
        load=load,
        users=users if sources.given(ctx, "users") else (scenario and scenario.users) or users,
        max_tokens=max_tokens,
        docs=tuple(docs or ()),
        concurrency=concurrency,
        outages=tuple(outage or ()),
        quota_changes=tuple(quota_change or ()),
        tenants=tuple(tenant or ()),
        seed=seed,
    )
    title, origin = scenario.title if scenario else "", partial(sources.origin, ctx)
    raise typer.Exit(run(settings, tuple(algorithm or ()), origin=origin, title=title, json=json, html=html))
