"""What is to be simulated: from options to a simulation, checked, and back to words."""

import asyncio
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

from cli.config.parsers import MOST_REQUESTS
from cli.errors import UserError
from cli.render.text import safe
from jobs.documents.listing import FileRules
from jobs.emulator.quotas import QuotaRules
from jobs.requests.request import RequestTemplate
from jobs.requests.tasks import DEFAULT, TASKS
from jobs.simulation.arrivals import Arrivals
from jobs.simulation.experiment import Simulation
from jobs.simulation.scenario import Outage, QuotaChange, Scenario, Tenant, World
from jobs.simulation.section_sizes import measured
from jobs.simulation.workload import SPREAD, User

Named = Callable[[str], str]
"""Names an option as its source does: `--docs`, or a file, a line and a key."""

REQUESTS = 300
"""Where neither a number, nor a duration, nor documents are given."""
MOST_OF_OTHERS = 100
"""Times the quota that another client may ask for: all of it is gone long before."""
SECTION_TOKENS = 2000
"""As `analyze` splits documents unless it is told otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulateSettings:
    """All options that say what is simulated. Times are in seconds."""

    rate: float
    tpm: float | None
    server: Literal["bucket", "fixed", "sliding"]
    burst: float
    requests: int | None
    duration: float | None
    arrivals: Arrivals
    load: float
    users: int | tuple[User, ...]
    latency: float
    max_tokens: int
    docs: tuple[str, ...]
    concurrency: int
    outages: tuple[Outage, ...]
    quota_changes: tuple[tuple[float, float], ...]
    """(when, requests a minute from then on)."""
    tenants: tuple[Tenant, ...]
    seed: int


def simulation_of(settings: SimulateSettings, named: Named) -> Simulation:
    """The simulation that was asked for; what of the documents cannot be measured is told on standard error.

    Raises:
        UserError: there is nothing to simulate, or a request that can never fit.
    """
    sizes = _sizes(settings.docs, named)
    users = settings.users
    if isinstance(users, int):
        users = tuple(User(f"user {number + 1}") for number in range(users))
    requests = settings.requests
    if requests is None and settings.duration is None:
        requests = len(sizes) or REQUESTS
    rules = QuotaRules(settings.rate, settings.tpm, refill=settings.server, burst=settings.burst)
    simulation = Simulation(
        scenario=Scenario(
            rules,
            settings.seed,
            World(latency=settings.latency),
            tenants=tuple(_taking(tenant, users, sizes, settings.tpm) for tenant in settings.tenants),
            changes=tuple(QuotaChange(at, rate / settings.rate) for at, rate in _in_time(settings.quota_changes)),
            outages=_apart_in_time(settings.outages),
        ),
        requests=requests,
        duration=settings.duration,
        arrivals=settings.arrivals,
        load=settings.load,
        users=users,
        max_tokens=settings.max_tokens,
        sizes=sizes,
        concurrency=settings.concurrency,
    )
    _check_fits(simulation, named)
    return simulation


def _sizes(docs: tuple[str, ...], named: Named) -> list[int]:
    """Of the sections of real documents, as `analyze` would send them."""
    if not docs:
        return []
    if not any(os.path.lexists(path) for path in docs):
        raise UserError(f"{named('docs')}: no such file or folder: {', '.join(docs)}", "check the name")
    template = RequestTemplate("simulated", "on-demand", "simulated", TASKS[DEFAULT])
    sizes, unread = asyncio.run(measured(docs, FileRules(), SECTION_TOKENS, template))
    for path, error in unread:
        print(f"note: not measured: {safe(path)}: {safe(error)}", file=sys.stderr)
    if not sizes:
        raise UserError(
            f"{named('docs')}: no sections were found in {', '.join(docs)}", "name .md, .txt or .html files"
        )
    return sizes


def _in_time(changes: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Of several at one time the last that was given is in force."""
    return sorted(changes, key=lambda change: change[0])


def _apart_in_time(outages: Iterable[Outage]) -> tuple[Outage, ...]:
    """In order, those that overlap made one."""
    apart: list[Outage] = []
    for outage in sorted(outages, key=lambda outage: outage.start):
        if apart and outage.start <= apart[-1].end:
            apart[-1] = Outage(apart[-1].start, max(apart[-1].end, outage.end))
        else:
            apart.append(outage)
    return tuple(apart)


def _taking(tenant: Tenant, users: Sequence[User], sizes: Sequence[int], tpm: float | None) -> Tenant:
    """Another client's calls are as large as ours are on average."""
    mix = users[0].mix
    given = sum(sizes) / len(sizes) if sizes else sum(mix.input) / 2
    return Tenant(tenant.start, tenant.end, tenant.rpm, int(given + mix.output) if tpm else 0)


def _check_fits(simulation: Simulation, named: Named) -> None:
    """A request that is larger than the smallest quota would wait for ever, and nobody waits for too many of them."""
    rules, scenario = simulation.scenario.rules, simulation.scenario
    smallest = min((1.0, *(change.factor for change in scenario.changes)))
    if simulation.rate * smallest < 1:
        raise UserError(
            f"a request can never fit: a quota of {simulation.rate * smallest:g} requests a minute holds none",
            "give a --rate, and a --quota-change, of 1 or more",
        )
    if any(tenant.rpm > MOST_OF_OTHERS * simulation.rate for tenant in scenario.tenants):
        raise UserError(
            f"{named('tenant')}: calls more than {MOST_OF_OTHERS} times as often as the quota of {simulation.rate:g} "
            "allows",
            "give it a rate that leaves something to simulate",
        )
    if simulation.count > MOST_REQUESTS:  # of a timed run, as a number was checked where it was read
        raise UserError(
            f"{named('duration')}: so long a time at {simulation.rate:,.10g} requests a minute takes "
            f"{simulation.count:,} requests to simulate, more than {MOST_REQUESTS:,}",
            "make it shorter, or lower --rate",
        )
    if rules.tpm is None:
        return
    largest = max(simulation.sizes, default=0) or max(user.mix.input[1] for user in simulation.users)
    # The client does not count tokens: it takes a section for as many as its length lets expect.
    needed, least = largest * (1 + SPREAD) + simulation.max_tokens, rules.tpm * smallest
    if needed > least:
        raise UserError(
            f"a request can never fit: {largest:,} tokens of input (up to {SPREAD:.0%} more by their length) and "
            f"--max-tokens {simulation.max_tokens:,} are more than a quota of {least:,.0f} tokens a minute",
            "raise --tpm, or lower --max-tokens",
        )


def described(settings: SimulateSettings, simulation: Simulation) -> dict[str, Any]:
    """What was simulated, with all that was left to a default."""
    said = {field.name: getattr(settings, field.name) for field in fields(settings)}
    said["requests"] = simulation.requests
    said["load"] = None if settings.arrivals == "batch" else settings.load
    said["docs"] = list(settings.docs)
    said["users"] = [_user(user, of_docs=bool(simulation.sizes)) for user in simulation.users]
    said["outages"] = [[outage.start, outage.end] for outage in settings.outages]
    said["quota_changes"] = [list(change) for change in settings.quota_changes]
    said["tenants"] = [[tenant.start, tenant.end, tenant.rpm] for tenant in settings.tenants]
    return said


def _user(user: User, *, of_docs: bool) -> dict[str, Any]:
    mix = {"output": user.mix.output} if of_docs else {"input": list(user.mix.input), "output": user.mix.output}
    return {"name": user.name, "weight": user.weight, "share": user.share, **mix}
