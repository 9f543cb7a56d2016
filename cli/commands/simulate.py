"""`bedrock-batch simulate`: compares rate-limiting algorithms without an AWS account."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

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


def _list_scenarios(wanted: bool) -> bool:
    if wanted:
        for name, title in scenario_file.bundled().items():
            print(f"{name}\n    {title}")
        raise typer.Exit
    return wanted


def simulate(
    ctx: typer.Context,
    rate: Annotated[float | None, option("--rate", SERVER, "The quota in requests per minute.", parse.rpm, "N")] = None,
    tpm: Annotated[
        float | None, option("--tpm", SERVER, "The quota in tokens per minute.", parse.tpm, "N", "none")
    ] = None,
    server: Annotated[
        Server,
        option("--server", SERVER, "How the quota refills: token bucket, fixed or sliding window.", default="bucket"),
    ] = "bucket",
    burst: Annotated[
        float, option("--burst", SERVER, "Size of the token bucket.", parse.burst, "DURATION", "1s")
    ] = 1.0,
    latency: Annotated[
        float, option("--latency", SERVER, "Median latency of a call.", parse.time, "DURATION", "6s")
    ] = 6.0,
    requests: Annotated[
        int | None, option("--requests", WORKLOAD, "Number of requests.", parse.requests, "N", "300")
    ] = None,
    duration: Annotated[
        float | None,
        option(
            "--duration",
            WORKLOAD,
            "Instead of --requests: run for this long, with requests until the end.",
            parse.duration,
            "DURATION",
        ),
    ] = None,
    arrivals: Annotated[
        Arrivals,
        option("--arrivals", WORKLOAD, "When requests arrive: all at once, at random, or in bursts.", default="batch"),
    ] = "batch",
    load: Annotated[
        float,
        option("--load", WORKLOAD, "Mean arrival rate relative to --rate, unless batch.", parse.load, "X", "0.9"),
    ] = 0.9,
    users: Annotated[
        int, option("--users", WORKLOAD, "Number of users that share the quota.", parse.users, "N", "1")
    ] = 1,
    max_tokens: Annotated[
        int, option("--max-tokens", WORKLOAD, "Tokens a call reserves for its answer.", values.tokens, "N", "1024")
    ] = 1024,
    docs: Annotated[
        list[str] | None,
        option(
            "--docs",
            WORKLOAD,
            "Take the number and sizes of the requests from these documents; nothing is sent. Repeatable.",
            values.source,
            "PATH",
        ),
    ] = None,
    concurrency: Annotated[
        int, option("--concurrency", WORKLOAD, "Max calls in flight.", values.whole, "N", "1000")
    ] = 1000,
    outage: Annotated[
        list[Any] | None,
        option(
            "--outage", EVENTS, "The server returns 503, as in 60-120 or 1m-2m. Repeatable.", parse.outage, "FROM-TO"
        ),
    ] = None,
    quota_change: Annotated[
        list[Any] | None,
        option(
            "--quota-change",
            EVENTS,
            "Change --rate, and --tpm in proportion, as in 5m:50. Repeatable.",
            parse.quota_change,
            "T:RATE",
        ),
    ] = None,
    tenant: Annotated[
        list[Any] | None,
        option(
            "--tenant",
            EVENTS,
            "Another client sends RPM requests per minute, as in 5m-10m:50. Repeatable.",
            parse.tenant,
            "FROM-TO:RPM",
        ),
    ] = None,
    algorithm: Annotated[
        list[str] | None,
        option("--algorithm", None, "Run only this algorithm. Repeatable.", parse.algorithm, "NAME", "all"),
    ] = None,
    config: options.Config = None,  # before --scenario: the settings file may name the scenario
    scenario: Annotated[
        str | None,
        typer.Option(
            "--scenario",
            parser=values.source,
            metavar="NAME|FILE",
            help="Read options from a bundled scenario or a TOML file; the command line takes precedence.",
            callback=scenario_file.load,
            is_eager=True,
            show_envvar=False,
        ),
    ] = None,
    list_scenarios: Annotated[
        bool, flag("--list-scenarios", None, "List the bundled scenarios and exit.", eager=_list_scenarios)
    ] = False,
    seed: Annotated[int, option("--seed", None, "Seed of the random numbers.", values.seed, "N", "0")] = 0,
    json: Annotated[bool, flag("--json", OUTPUT, "Print the results as one JSON object.")] = False,
    html: Annotated[
        Path | None, option("--html", OUTPUT, "Write an HTML page with charts.", values.path, "FILE")
    ] = None,
) -> None:
    """Compare rate-limiting algorithms against a simulated Bedrock: virtual time, no AWS account."""
    if rate is None:
        raise UserError("--rate is missing", "give --rate N, or --scenario NAME (see --list-scenarios)")
    length = sources.strongest(ctx, "requests", "duration")
    from cli.config.simulate_settings import SimulateSettings
    from cli.runs.simulate import simulate as run
    from cli.wiring import simulated_gate

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
        users=users if sources.given(ctx, "users") else scenario_file.users(ctx) or users,
        max_tokens=max_tokens,
        docs=tuple(docs or ()),
        concurrency=concurrency,
        outages=tuple(outage or ()),
        quota_changes=tuple(quota_change or ()),
        tenants=tuple(tenant or ()),
        seed=seed,
    )
    title, origin = scenario_file.title(ctx), partial(sources.origin, ctx)
    raise typer.Exit(
        run(settings, tuple(algorithm or ()), simulated_gate, origin=origin, title=title, json=json, html=html)
    )
