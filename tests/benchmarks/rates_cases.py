"""The rate engine's goals as cases: a server, the work, what the client knows, and the figures to reach."""

from collections.abc import Iterator
from dataclasses import dataclass

from alternating_workload import AlternatingWorkload

from jobs.emulator.quotas import QuotaRules
from jobs.simulation.scenario import QuotaChange, Scenario, Tenant
from jobs.simulation.workload import Mix, Workload

TB1, TB10, TB60 = ({"burst": burst} for burst in (1.0, 10.0, 60.0))
SERVERS: dict[str, dict[str, object]] = {
    "tb1": TB1, "tb10": TB10, "tb60": TB60, "fw": {"refill": "fixed"}, "sw": {"refill": "sliding"},
}  # fmt: skip
HALF = 900.0
"""Seconds; when a quota changes."""
MANY = {6000.0: 2000}
"""Max in flight by requests a minute: at 6,000, 680 calls are in flight, but twice as many when the quota doubles or
when a whole minute's calls start early in a fixed window."""
SMALL, LARGE = Mix((300, 700), 100.0), Mix((3000, 4000), 350.0)


@dataclass(frozen=True)
class Case:
    """One row. Goals: utilisation, throttle rate, and seconds."""

    name: str
    rules: QuotaRules
    utilisation: float | None
    throttled: float | None
    configured: bool = False
    """Whether the client knows the quota."""
    max_tokens: int = 1024
    mixes: tuple[Mix, ...] = (Mix(),)
    block: int = 20
    tenants: tuple[Tenant, ...] = ()
    changes: tuple[QuotaChange, ...] = ()
    within: float | None = None
    """Seconds after the start, or after the last change, until 90% of the quota is used."""
    max_in_flight: int = 1000
    """As `--concurrency` or its default."""
    quick: bool = False
    """Whether it runs without --all."""

    def scenario(self, seed: int) -> Scenario:
        return Scenario(self.rules, seed, tenants=self.tenants, changes=self.changes)

    def work(self, seed: int) -> Workload:
        return AlternatingWorkload(seed, max_tokens=self.max_tokens, mixes=self.mixes, block=self.block)

    @property
    def rate(self) -> float:
        """Calls a second that the quota allows, about."""
        return (self.rules.rpm or (self.rules.tpm or 0.0) / 2419) / 60


def cases() -> Iterator[Case]:
    yield from _configured()
    yield from _unknown_requests()
    yield from _unknown_tokens()
    yield from _changing()


def _rules(server: str, **quotas: float) -> QuotaRules:
    return QuotaRules(**quotas, **SERVERS[server])  # type: ignore[arg-type]


def _configured() -> Iterator[Case]:
    for rpm in (60.0, 600.0, 6000.0):
        yield Case(
            f"configured {rpm:g} rpm tb1", _rules("tb1", rpm=rpm), 0.98, 0.001, configured=True, quick=rpm == 600
        )
    for tpm in (1e6, 4e6):
        for burndown in (1.0, 5.0, 15.0):
            for max_tokens in (1024, 4096, 32_768):
                yield Case(
                    f"configured {tpm / 1e6:g}M tpm tb1 x{burndown:g} max {max_tokens}",
                    _rules("tb1", tpm=tpm, burndown=burndown), 0.98, 0.001,
                    configured=True, max_tokens=max_tokens, quick=tpm == 1e6 and max_tokens == 4096 and burndown == 5,
                )  # fmt: skip

    # Other clients of the account: one that gives way, and one that does not (for us a smaller quota for a while).
    for rules, calls, tokens in ((_rules("tb1", rpm=600.0), 300.0, 0), (_rules("tb1", tpm=600e3), 150.0, 2000)):
        name = "600 rpm tb1" if rules.rpm else "600k tpm tb1"
        yield Case(
            f"configured tenant {name}", rules, 0.95, 0.007,
            configured=True, tenants=(Tenant(600.0, 900.0, calls, tokens),),
        )  # fmt: skip
        yield Case(
            f"configured half withheld {name}", rules, 0.95, 0.007,
            configured=True, changes=(QuotaChange(600.0, 0.5), QuotaChange(900.0, 1.0)),
        )  # fmt: skip


def _unknown_requests() -> Iterator[Case]:
    goals = {
        10.0: {"fw": (0.95, 0.055), "": (0.95, 0.055)},
        60.0: {"tb1": (0.95, 0.017), "fw": (0.98, 0.017), "": (0.99, 0.017)},
        600.0: {"fw": (0.975, 0.004), "": (0.99, 0.003)},
        6000.0: {"fw": (0.975, 0.004), "": (0.99, 0.003)},
    }
    for rpm, by_server in goals.items():
        for server in SERVERS:
            utilisation, throttled = by_server.get(server, by_server[""])
            yield Case(
                f"unknown {rpm:g} rpm {server}", _rules(server, rpm=rpm), utilisation, throttled,
                within=20.0 if rpm == 600 else None, quick=rpm == 600, max_in_flight=MANY.get(rpm, 1000),
            )  # fmt: skip


def _unknown_tokens() -> Iterator[Case]:
    for tpm, name in ((600e3, "600k"), (4e6, "4M")):
        for burndown in (1.0, 5.0):
            for server in SERVERS:
                goal = (0.97, 0.015) if server.startswith("tb") else (0.95, 0.02)
                yield Case(
                    f"unknown {name} tpm {server} x{burndown:g}", _rules(server, tpm=tpm, burndown=burndown), *goal,
                    quick=tpm == 600e3 and burndown == 1 and server in {"tb10", "sw"},
                )  # fmt: skip
    for server in SERVERS:
        yield Case(
            f"unknown rpm and tpm in turn {server}", _rules(server, rpm=600.0, tpm=1.2e6), 0.95, 0.01,
            mixes=(SMALL, LARGE), block=1500, quick=server == "tb10",
        )  # fmt: skip


def _changing() -> Iterator[Case]:
    tenant = Tenant(600.0, 900.0, rpm=300.0)
    for server in SERVERS:
        yield Case(f"tenant 600 rpm {server}", _rules(server, rpm=600.0), 0.95, 0.007, tenants=(tenant,))
    for rpm in (60.0, 600.0, 6000.0):
        for server in SERVERS:
            yield Case(
                f"doubled {rpm:g} rpm {server}", _rules(server, rpm=rpm), None, None,
                changes=(QuotaChange(HALF, 2.0),), within=120.0, max_in_flight=MANY.get(rpm, 1000),
            )  # fmt: skip
    for rpm, throttled in ((60.0, 0.03), (600.0, 0.005)):
        for server in SERVERS:
            yield Case(
                f"halved {rpm:g} rpm {server}", _rules(server, rpm=rpm), 0.95, throttled,
                changes=(QuotaChange(HALF, 0.5),),
            )  # fmt: skip
