"""The settings of `simulate`, checked and turned into an experiment."""

import asyncio
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

from cli.config.simulate_parsers import MAX_REQUESTS
from cli.errors import UserError
from cli.render.text import safe
from jobs.documents.listing import FileRules
from jobs.emulator.quotas import QuotaRules
from jobs.requests.request import RequestTemplate
from jobs.requests.tasks import DEFAULT, TASKS
from jobs.simulation.arrivals import Arrivals
from jobs.simulation.experiment import Experiment
from jobs.simulation.scenario import Outage, QuotaChange, Scenario, Tenant, Timing
from jobs.simulation.section_sizes import measure_sections
from jobs.simulation.workload import SPREAD, User

Origin = Callable[[str], str]
"""Names an option as its source does: `--docs`, or a file and a key."""

MAX_TENANT_LOAD = 100
"""Upper bound of a tenant's rate relative to the quota; far less uses all of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulateSettings:
    """All options that describe the experiment. Times are in seconds."""

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
    """(time, requests per minute from then on)."""
    tenants: tuple[Tenant, ...]
    seed: int


def build_experiment(settings: SimulateSettings, origin: Origin) -> Experiment:
    """The experiment; unreadable documents are reported on standard error."""
    sizes = _section_sizes(settings.docs, origin)
    users = settings.users
    if isinstance(users, int):
        users = tuple(User(f"user {number + 1}") for number in range(users))
    requests = settings.requests
    if requests is None and settings.duration is None:
        requests = len(sizes) or 300
    changes = sorted(settings.quota_changes, key=lambda change: change[0])  # stable: the last one at a time counts
    experiment = Experiment(
        scenario=Scenario(
            QuotaRules(settings.rate, settings.tpm, refill=settings.server, burst=settings.burst),
            settings.seed,
            Timing(latency=settings.latency),
            tenants=tuple(_with_tokens(tenant, users, sizes, settings.tpm) for tenant in settings.tenants),
            changes=tuple(QuotaChange(at, rate / settings.rate) for at, rate in changes),
            outages=_merge_outages(settings.outages),
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
    _check_amount(experiment, origin)
    _check_fits(experiment)
    return experiment


def _section_sizes(docs: tuple[str, ...], origin: Origin) -> list[int]:
    """Input tokens of the sections, as `analyze` would send them."""
    if not docs:
        return []
    if not any(os.path.lexists(path) for path in docs):
        raise UserError(f"{origin('docs')}: no such file or folder: {', '.join(docs)}", "check the path")
    template = RequestTemplate("simulated", "on-demand", "simulated", TASKS[DEFAULT])
    # 2000: the default of `analyze --section-tokens`.
    sizes, unreadable = asyncio.run(measure_sections(docs, FileRules(), 2000, template))
    for path, error in unreadable:
        print(f"note: skipped {safe(path)}: {safe(error)}", file=sys.stderr)
    if not sizes:
        raise UserError(f"{origin('docs')}: no sections in {', '.join(docs)}", "name .md, .txt or .html files")
    return sizes


def _merge_outages(outages: Iterable[Outage]) -> tuple[Outage, ...]:
    """Sorted and without overlaps."""
    merged: list[Outage] = []
    for outage in sorted(outages, key=lambda outage: outage.start):
        if merged and outage.start <= merged[-1].end:
            merged[-1] = Outage(merged[-1].start, max(merged[-1].end, outage.end))
        else:
            merged.append(outage)
    return tuple(merged)


def _with_tokens(tenant: Tenant, users: Sequence[User], sizes: Sequence[int], tpm: float | None) -> Tenant:
    """With calls of the same mean size as the experiment's."""
    mix = users[0].mix
    mean_input = sum(sizes) / len(sizes) if sizes else sum(mix.input) / 2
    return Tenant(tenant.start, tenant.end, tenant.rpm, int(mean_input + mix.output) if tpm else 0)


def _check_amount(experiment: Experiment, origin: Origin) -> None:
    if any(tenant.rpm > MAX_TENANT_LOAD * experiment.rate for tenant in experiment.scenario.tenants):
        raise UserError(
            f"{origin('tenant')}: more than {MAX_TENANT_LOAD} times the quota of {experiment.rate:g} requests/minute",
            "lower its rate",
        )
    if experiment.count > MAX_REQUESTS:  # a timed run; --requests is checked by its parser
        raise UserError(
            f"{origin('duration')}: at {experiment.rate:,.10g} requests per minute this needs {experiment.count:,} "
            f"requests, more than {MAX_REQUESTS:,}",
            "make it shorter, or lower --rate",
        )


def _check_fits(experiment: Experiment) -> None:
    """A request larger than the lowest quota would wait forever."""
    rules = experiment.scenario.rules
    min_factor = min((1.0, *(change.factor for change in experiment.scenario.changes)))
    if experiment.rate * min_factor < 1:
        raise UserError(
            f"no request ever fits into a quota of {experiment.rate * min_factor:g} requests per minute",
            "set --rate and --quota-change to 1 or more",
        )
    if rules.tpm is None:
        return
    largest = max(experiment.sizes, default=0) or max(user.mix.input[1] for user in experiment.users)
    # The client estimates tokens from bytes, so it may reserve more than the section has.
    needed, min_tpm = largest * (1 + SPREAD) + experiment.max_tokens, rules.tpm * min_factor
    if needed > min_tpm:
        raise UserError(
            f"the largest request never fits: {largest:,} input tokens (estimated up to {SPREAD:.0%} higher) plus "
            f"--max-tokens {experiment.max_tokens:,} exceed a quota of {min_tpm:,.0f} tokens per minute",
            "raise --tpm, or lower --max-tokens",
        )


def describe(settings: SimulateSettings, experiment: Experiment) -> dict[str, Any]:
    """The `scenario` object of the JSON: all settings, defaults included."""
    return {field.name: getattr(settings, field.name) for field in fields(settings)} | {
        "requests": experiment.requests,
        "load": None if settings.arrivals == "batch" else settings.load,
        "docs": list(settings.docs),
        "users": [_describe_user(user, with_input=not experiment.sizes) for user in experiment.users],
        "outages": [[outage.start, outage.end] for outage in settings.outages],
        "quota_changes": [list(change) for change in settings.quota_changes],
        "tenants": [[tenant.start, tenant.end, tenant.rpm] for tenant in settings.tenants],
    }


def _describe_user(user: User, *, with_input: bool) -> dict[str, Any]:
    sizes = {"input": list(user.mix.input)} if with_input else {}
    return {"name": user.name, "weight": user.weight, "share": user.share, **sizes, "output": user.mix.output}
