"""One `simulate` before a person or a program: what was asked for, the runs, and what is shown of them."""

import asyncio
import json as json_format
import os
import queue
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

from cli.errors import UserError, stdout_lost
from cli.render.comparison import recommendation_lines, write_table
from cli.render.safe import safe
from cli.render.simulating import simulating
from jobs.documents.intake import IntakeRules
from jobs.emulator.quotas import QuotaRules
from jobs.request import Recipe
from jobs.results.atomic import replacing
from jobs.simulation.arrivals import Arrivals
from jobs.simulation.comparison import ALGORITHMS, GateMaker, Shown, compare
from jobs.simulation.result import Result
from jobs.simulation.scenario import Change, Outage, Scenario, Tenant, World
from jobs.simulation.simulation import Simulation
from jobs.simulation.sizes import measured
from jobs.simulation.work import SPREAD, User
from jobs.tasks import DEFAULT, TASKS

_T = TypeVar("_T")

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


def simulate(
    settings: SimulateSettings,
    algorithms: Sequence[str],
    gate: GateMaker,
    *,
    title: str = "",
    json: bool = False,
    html: Path | None = None,
) -> int:
    """Run the algorithms (all if none is named) and show what came of them; returns the exit code.

    Raises:
        UserError: it cannot be simulated, or the page cannot be written.
    """
    if html is not None:
        try:
            _check_writable(html)
        except OSError as error:
            raise _unwritable(html, error.strerror or str(error)) from error
    simulation = _simulation(settings)
    names = tuple(dict.fromkeys(algorithms)) or ALGORITHMS
    with simulating(names, simulation, sys.stderr) as screen:
        shown = _apart(lambda: list(compare(simulation, names, gate, courses=html is not None, watch=screen.watch)))
    described = _described(settings, simulation)
    if html is not None:
        _write_page(html, title, described, shown)
    try:
        if json:
            print(json_format.dumps(_as_json(described, shown)))
        else:
            write_table(simulation, shown, sys.stdout)
    except BrokenPipeError:
        raise  # whoever read it has enough: an end of its own (cli.app)
    except OSError as error:
        raise stdout_lost(error) from error
    return 0


def _apart(work: Callable[[], _T]) -> _T:
    """Do some work in a thread of its own: a signal then ends the program at once, not inside of an event loop."""
    done: queue.SimpleQueue[tuple[_T | None, BaseException | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            done.put((work(), None))
        except BaseException as error:  # noqa: BLE001 (raised again where it is waited for)
            done.put((None, error))

    threading.Thread(target=run, daemon=True).start()
    result, error = done.get()
    if error is not None:
        raise error
    return cast("_T", result)


def _simulation(settings: SimulateSettings) -> Simulation:
    sizes = _sizes(settings.docs)
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
            changes=tuple(Change(at, rate / settings.rate) for at, rate in _in_time(settings.quota_changes)),
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
    _check_fits(simulation)
    return simulation


def _sizes(docs: tuple[str, ...]) -> list[int]:
    """Of the sections of real documents, as `analyze` would send them."""
    if not docs:
        return []
    if not any(os.path.lexists(path) for path in docs):
        raise UserError(f"--docs: no such file or folder: {', '.join(docs)}", "check the name")
    recipe = Recipe("simulated", "on-demand", "simulated", TASKS[DEFAULT])
    sizes, unread = asyncio.run(measured(docs, IntakeRules(), SECTION_TOKENS, recipe))
    for path, error in unread:
        print(f"note: not measured: {safe(path)}: {safe(error)}", file=sys.stderr)
    if not sizes:
        raise UserError(f"--docs: no sections were found in {', '.join(docs)}", "name .md, .txt or .html files")
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


def _check_fits(simulation: Simulation) -> None:
    """A request that is larger than the smallest quota would wait for ever."""
    rules, scenario = simulation.scenario.rules, simulation.scenario
    smallest = min((1.0, *(change.factor for change in scenario.changes)))
    if simulation.rate * smallest < 1:
        raise UserError(
            f"a request can never fit: a quota of {simulation.rate * smallest:g} requests a minute holds none",
            "give a --rate, and a --quota-change, of 1 or more",
        )
    if any(tenant.rpm > MOST_OF_OTHERS * simulation.rate for tenant in scenario.tenants):
        raise UserError(
            f"--tenant: calls more than {MOST_OF_OTHERS} times as often as the quota of {simulation.rate:g} allows",
            "give it a rate that leaves something to simulate",
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


def _check_writable(html: Path) -> None:
    """Before minutes of simulation go into a page that cannot be written."""
    folder = html.resolve().parent
    if html.is_dir():
        raise _unwritable(html, "it is a folder")
    if not folder.is_dir():
        raise _unwritable(html, "there is no such folder")
    if not os.access(html if _is_no_file(html) else folder, os.W_OK):
        raise _unwritable(html, "permission denied")


def _is_no_file(html: Path) -> bool:
    """A device or a pipe: it is written to, never replaced."""
    return html.exists() and not html.is_file()


def _unwritable(html: Path, why: str) -> UserError:
    return UserError(f"--html: cannot write {html}: {why}", "name a file in a folder that can be written to")


def _write_page(html: Path, title: str, described: Mapping[str, Any], shown: Sequence[Shown]) -> None:
    from cli.render.page import page

    text = page(
        {"question": title, **described},
        [one.result for one in shown],
        {one.result.algorithm: one.course for one in shown if one.course is not None},
        {one.result.algorithm: one.remark for one in shown if one.remark},
        "\n".join(line for one in shown for line in recommendation_lines(one.recommendation)),
    )
    try:
        if _is_no_file(html):
            html.write_text(text, "utf-8")
        else:
            with replacing(html.resolve()) as file:  # what a link leads to, and the link stays
                file.write(text)
    except OSError as error:
        raise _unwritable(html, error.strerror or str(error)) from error


def _described(settings: SimulateSettings, simulation: Simulation) -> dict[str, Any]:
    """What was simulated, with all that was left to a default."""
    described = {field.name: getattr(settings, field.name) for field in fields(settings)}
    described["requests"] = simulation.requests
    described["load"] = None if settings.arrivals == "batch" else settings.load
    described["docs"] = list(settings.docs)
    described["users"] = [_user(user, of_docs=bool(simulation.sizes)) for user in simulation.users]
    described["outages"] = [[outage.start, outage.end] for outage in settings.outages]
    described["quota_changes"] = [list(change) for change in settings.quota_changes]
    described["tenants"] = [[tenant.start, tenant.end, tenant.rpm] for tenant in settings.tenants]
    return described


def _user(user: User, *, of_docs: bool) -> dict[str, Any]:
    mix = {"output": user.mix.output} if of_docs else {"input": list(user.mix.input), "output": user.mix.output}
    return {"name": user.name, "weight": user.weight, "share": user.share, **mix}


def _as_json(described: Mapping[str, Any], shown: Sequence[Shown]) -> dict[str, Any]:
    found = [one.recommendation for one in shown if one.recommendation is not None]
    return {
        "scenario": described,
        "results": [_figures(one.result) for one in shown],
        "recommendation": {
            "options": found[0].options,
            "makespan_s": round(found[0].after.makespan_s, 4),
            "throttle_rate": round(found[0].after.throttle_rate, 4),
        }
        if found
        else None,
    }


def _figures(result: Result) -> dict[str, Any]:
    named = {field.name: getattr(result, field.name) for field in fields(result)}
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in named.items()}
