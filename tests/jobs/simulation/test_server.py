"""The simulated Bedrock's ledger, one row a call: (arrives at, input tokens, maxTokens) -> what refuses it."""

import pytest

from jobs.emulator.quotas import QuotaRules
from jobs.simulation.scenario import Outage, QuotaChange, Scenario, Tenant
from jobs.simulation.server import Admitted, SimulatedBedrock


def arrivals(scenario: Scenario, *rows: tuple[float, int, int]) -> list[str]:
    server = SimulatedBedrock(scenario)
    came = [server.arrive(at, unit, at, tokens, most) for unit, (at, tokens, most) in enumerate(rows)]
    refused = ["" if isinstance(call, Admitted) else call for call in came]
    assert [(call.unit, call.arrived, call.refused) for call in server.calls] == [
        (unit, at, by) for (unit, (at, _, _)), by in zip(enumerate(rows), refused, strict=True)
    ]
    return refused


def plain(*times: float) -> list[tuple[float, int, int]]:
    return [(at, 10, 10) for at in times]


def test_a_bucket_refills_all_the_time():
    assert arrivals(Scenario(QuotaRules(rpm=60, burst=2)), *plain(0, 0, 0, 0.5, 1.0, 1.0, 3.5, 3.5, 3.5)) == [
        "", "", "requests", "requests", "", "requests", "", "", "requests",
    ]  # fmt: skip


@pytest.mark.parametrize(("phase", "boundary"), [(0.0, 60.0), (40.0, 20.0)])
def test_fixed_windows_begin_by_the_servers_clock(phase, boundary):
    scenario = Scenario(QuotaRules(rpm=2, refill="fixed"), phase=phase)
    times = plain(0, 1, 2, boundary - 0.1, boundary, boundary + 1, boundary + 2)
    assert arrivals(scenario, *times) == ["", "", "requests", "requests", "", "", "requests"]


def test_the_phase_follows_from_the_seed_unless_it_is_told():
    phases = {SimulatedBedrock(Scenario(QuotaRules(), seed)).phase for seed in range(20)}
    assert len(phases) == 20
    assert all(0 <= phase < 60 for phase in phases)
    assert SimulatedBedrock(Scenario(QuotaRules(), 3)).phase == SimulatedBedrock(Scenario(QuotaRules(), 3)).phase


def test_a_sliding_log_counts_the_last_minute():
    scenario = Scenario(QuotaRules(rpm=2, refill="sliding"))
    assert arrivals(scenario, *plain(0, 30, 59, 60, 61, 90)) == ["", "", "requests", "", "requests", ""]


def test_tokens_are_reserved_with_max_tokens_and_settled_with_burndown():
    server = SimulatedBedrock(Scenario(QuotaRules(tpm=6000, burst=60, burndown=5)))
    first = server.arrive(0.0, 0, 0.0, 3000, 2000)
    (call,) = server.calls
    assert (call.reserved, call.tokens(9.0)) == (5000, 5000)
    assert server.arrive(0.0, 1, 0.0, 1000, 500) == "tokens"
    server.settle(0.0, first, 3000, 400)  # 5,000 on 5,000: nothing comes back
    call, refused = server.calls
    assert (call.settled, call.ended, call.tokens(1.0)) == (5000, 0.0, 5000)
    assert (refused.refused, refused.tokens(1.0)) == ("tokens", 0)
    assert isinstance(server.arrive(5.0, 2, 5.0, 1000, 500), Admitted)
    with pytest.raises(RuntimeError, match="once"):
        server.settle(6.0, first, 3000, 400)


def test_in_an_outage_nothing_is_taken():
    scenario = Scenario(QuotaRules(rpm=1, burst=60), outages=(Outage(10.0, 20.0),))
    assert arrivals(scenario, *plain(10.0, 19.9, 20.0, 20.0)) == ["unavailable", "unavailable", "", "requests"]


@pytest.mark.parametrize("refill", ["bucket", "fixed", "sliding"])
@pytest.mark.parametrize(("factor", "fit"), [(0.5, 30), (2.0, 120)])
def test_a_quota_changes_and_what_was_used_stays_used(refill, factor, fit):
    rules = QuotaRules(rpm=60, burst=60, refill=refill)
    rows = plain(*[0.0] * 20, *[30.0] * 200, *[121.0] * 200)
    refused = arrivals(Scenario(rules, phase=0.0, changes=(QuotaChange(30.0, factor),)), *rows)
    at_the_change, later = refused[20:220].count(""), refused[220:].count("")
    assert at_the_change == {
        "bucket": min(60, fit) if factor < 1 else 60,  # it was full again; a larger one fills at its new rate
        "fixed": fit - 20,
        "sliding": fit - 20,
    }[refill]  # fmt: skip
    assert later == fit


@pytest.mark.parametrize(("rpm", "admitted"), [(290, 290), (600, 300)])
def test_a_tenant_takes_its_part_for_its_time(rpm, admitted):
    """Beside one who asks for all of the quota it gets less than it asks for; the two never get more than there is."""
    scenario = Scenario(QuotaRules(rpm=600, burst=1), tenants=(Tenant(10.0, 70.0, rpm=300.0),))
    server = SimulatedBedrock(scenario)
    for unit in range(int(rpm * 1.5)):
        server.arrive(unit * 60 / rpm, unit, 0.0, 10, 10)
    ours = list(server.calls)
    assert 299 <= len(server.others) <= 301
    assert all(10.0 <= call.arrived < 70.1 for call in server.others)
    theirs = sum(not call.refused for call in server.others)
    during = sum(not call.refused for call in ours if 10.0 <= call.arrived < 70.0)
    assert theirs > 0
    assert admitted <= during
    assert min(600, rpm + 300) - 12 <= during + theirs <= 612
    assert not any(call.refused for call in ours if not 10.0 <= call.arrived < 71.0)


def test_a_tenants_tokens_count():
    scenario = Scenario(QuotaRules(tpm=6000, burst=60), tenants=(Tenant(0.0, 50.0, rpm=60.0, tokens=200),))
    refused = arrivals(scenario, (49.0, 6000, 0), (51.0, 1000, 0), (51.0, 5000, 0))
    assert refused == ["tokens", "", "tokens"]
