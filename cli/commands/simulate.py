"""`bedrock-batch simulate`: what each way of limiting would do to a batch, without an account."""

import difflib
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar

import typer

from cli.config import options, scenario_file, sources
from cli.config import parsers as values
from cli.config.options import OUTPUT, flag, option
from cli.errors import UserError

SERVER, WORK, EVENTS = "The server", "The work", "What happens"
MINUTE: Final = 60.0
DAY: Final = 86400.0
LONGEST: Final = 30 * DAY
"""Of all times: what takes longer is no batch."""
MOST_RPM: Final = 1e7
MOST_TPM: Final = 1e12
"""More than any account has."""

Number = TypeVar("Number", int, float)
Server = Literal["bucket", "fixed", "sliding"]
Arrivals = Literal["batch", "poisson", "bursty"]
"""As jobs.emulator.quotas.Refill and jobs.simulation.arrivals.Arrivals: Typer reads them for every --help, and those
modules take long to import."""


def parse_algorithm(value: object) -> str:
    """The name of an algorithm."""
    from jobs.simulation.comparison import ALGORITHMS

    name = values.text(value)
    if name not in ALGORITHMS:
        near = difflib.get_close_matches(name, ALGORITHMS, n=1, cutoff=0.0)[0]
        raise ValueError(f"no algorithm is named {name[:80]!r}, the nearest is {near}; all are {', '.join(ALGORITHMS)}")
    return name


def parse_burst(value: object) -> float:
    """A duration of at most a minute: quotas are of minutes."""
    seconds = values.some_time(value)
    if seconds > MINUTE:
        raise ValueError(f"must be at most 60s, as quotas are of minutes, not {value!r}")
    return seconds


def parse_users(value: object) -> int:
    """A number of users that can be told apart."""
    return _at_most(scenario_file.MOST_USERS, values.whole(value), value)


def parse_requests(value: object) -> int:
    """As many as can be simulated in a time that somebody waits for."""
    return _at_most(values.MOST_REQUESTS, values.whole(value), value)


def parse_rpm(value: object) -> float:
    """Requests a minute."""
    return _at_most(MOST_RPM, values.positive(value), value, " a minute")


def parse_tpm(value: object) -> float:
    """Tokens a minute."""
    return _at_most(MOST_TPM, values.positive(value), value, " a minute")


def _at_most(most: float, number: Number, value: object, unit: str = "") -> Number:
    if number > most:
        raise ValueError(f"must be at most {most:,.0f}{unit}, not {value!r}")
    return number


def parse_time(value: object) -> float:
    """A duration, or a time since the start."""
    seconds = values.duration(value)
    if seconds > LONGEST:
        raise ValueError(f"must be at most {LONGEST / DAY:.0f}d, not {value!r}")
    return seconds


def parse_length(value: object) -> float:
    """A duration that is not zero."""
    values.some_time(value)
    return parse_time(value)


def parse_load(value: object) -> float:
    """Between next to nothing and far too much."""
    load = values.positive(value)
    if not 0.01 <= load <= 100:
        raise ValueError(f"must be from 0.01 to 100, not {value!r}")
    return load


def parse_outage(value: object) -> Any:
    """`FROM-TO`, both durations since the start."""
    from jobs.simulation.scenario import Outage

    return value if isinstance(value, Outage) else Outage(*_span(values.text(value)))


def parse_change(value: object) -> tuple[float, float]:
    """`T:RATE`: a duration since the start, and the quota in requests a minute from then on."""
    if isinstance(value, tuple):
        return value
    at, colon, rate = values.text(value).partition(":")
    if not colon:
        raise ValueError(f"must be T:RATE, as in 5m:50, not {value!r}")
    return parse_time(at), parse_rpm(rate)


def parse_tenant(value: object) -> Any:
    """`FROM-TO:RPM`: another client of the same quota, its calls a minute."""
    from jobs.simulation.scenario import Tenant

    if isinstance(value, Tenant):
        return value
    span, colon, rate = values.text(value).rpartition(":")
    if not colon:
        raise ValueError(f"must be FROM-TO:RPM, as in 5m-10m:300, not {value!r}")
    return Tenant(*_span(span), parse_rpm(rate))


def _span(written: str) -> tuple[float, float]:
    start, dash, end = written.partition("-")
    if not dash:
        raise ValueError(f"must be FROM-TO, as in 60-120 or 1m-2m, not {written!r}")
    span = parse_time(start), parse_time(end)
    if span[0] >= span[1]:
        raise ValueError(f"must end after it begins, not {written!r}")
    return span


def _list_scenarios(wanted: bool) -> bool:
    if wanted:
        for name, title in scenario_file.ready().items():
            print(f"{name}\n    {title}")
        raise typer.Exit
    return wanted


def simulate(
    ctx: typer.Context,
    rate: Annotated[float | None, option("--rate", SERVER, "The quota in requests a minute.", parse_rpm, "N")] = None,
    tpm: Annotated[
        float | None, option("--tpm", SERVER, "The quota in tokens a minute.", parse_tpm, "N", "none")
    ] = None,
    server: Annotated[
        Server,
        option(
            "--server",
            SERVER,
            "How it comes back: all the time, at each full minute, or as calls age.",
            default="bucket",
        ),
    ] = "bucket",
    burst: Annotated[
        float, option("--burst", SERVER, "How much a bucket holds at most.", parse_burst, "DURATION", "1s")
    ] = 1.0,
    latency: Annotated[
        float, option("--latency", SERVER, "Median time of a call.", parse_time, "DURATION", "6s")
    ] = 6.0,
    requests: Annotated[
        int | None, option("--requests", WORK, "How many there are.", parse_requests, "N", "300")
    ] = None,
    duration: Annotated[
        float | None,
        option(
            "--duration",
            WORK,
            "Instead of --requests: for so long, with requests to the end.",
            parse_length,
            "DURATION",
        ),
    ] = None,
    arrivals: Annotated[
        Arrivals,
        option("--arrivals", WORK, "All at once, one by one at random, or in bursts.", default="batch"),
    ] = "batch",
    load: Annotated[
        float,
        option("--load", WORK, "Requests that arrive, as a part of --rate.", parse_load, "X", "0.9"),
    ] = 0.9,
    users: Annotated[int, option("--users", WORK, "QuotaScope requests they are, evenly.", parse_users, "N", "1")] = 1,
    max_tokens: Annotated[
        int, option("--max-tokens", WORK, "What a call reserves for its answer.", values.tokens, "N", "1024")
    ] = 1024,
    docs: Annotated[
        list[str] | None,
        option(
            "--docs",
            WORK,
            "As many, and as large, as the sections of these documents; nothing is called. May be repeated.",
            values.source,
            "PATH",
        ),
    ] = None,
    concurrency: Annotated[
        int, option("--concurrency", WORK, "Most calls in flight.", values.whole, "N", "1000")
    ] = 1000,
    outage: Annotated[
        list[Any] | None,
        option(
            "--outage", EVENTS, "The server is out, as in 60-120 or 1m-2m. May be repeated.", parse_outage, "FROM-TO"
        ),
    ] = None,
    quota_change: Annotated[
        list[Any] | None,
        option(
            "--quota-change",
            EVENTS,
            "From then on the quota is another one, as in 5m:50 (--tpm in proportion). May be repeated.",
            parse_change,
            "T:RATE",
        ),
    ] = None,
    tenant: Annotated[
        list[Any] | None,
        option(
            "--tenant",
            EVENTS,
            "Another client takes so many requests a minute, as in 5m-10m:50. May be repeated.",
            parse_tenant,
            "FROM-TO:RPM",
        ),
    ] = None,
    algorithm: Annotated[
        list[str] | None,
        option("--algorithm", None, "Only this one. May be repeated.", parse_algorithm, "NAME", "all"),
    ] = None,
    config: options.Config = None,  # before --scenario, which may stand in that file
    scenario: Annotated[
        str | None,
        typer.Option(
            "--scenario",
            parser=values.source,
            metavar="NAME|FILE",
            help="Options from a ready scenario or a TOML file; those on the command line go first.",
            callback=scenario_file.load,
            is_eager=True,
            show_envvar=False,
        ),
    ] = None,
    list_scenarios: Annotated[
        bool, flag("--list-scenarios", None, "Show the ready scenarios and exit.", eager=_list_scenarios)
    ] = False,
    seed: Annotated[int, option("--seed", None, "Of all that is random.", values.seed, "N", "0")] = 0,
    json: Annotated[bool, flag("--json", OUTPUT, "The result as one JSON object on standard output.")] = False,
    html: Annotated[Path | None, option("--html", OUTPUT, "Write a page with charts.", values.path, "FILE")] = None,
) -> None:
    """Compare ways to keep to a quota: a simulated Bedrock in virtual time, without an account."""
    if rate is None:
        raise UserError(
            "no quota to simulate", "give --rate N, or --scenario NAME (--list-scenarios shows those ready)"
        )
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
    title = scenario_file.title(ctx)
    names, named = tuple(algorithm or ()), partial(sources.origin, ctx)
    raise typer.Exit(run(settings, names, simulated_gate, named=named, title=title, json=json, html=html))
