"""The simulated Bedrock: a row per call of (arrival, input tokens, maxTokens) -> error."""

import pytest

from jobs.emulator.quotas import QuotaRules
from jobs.simulation.scenario import Outage, QuotaChange, Scenario, Tenant
from jobs.simulation.server import Admitted, SimulatedBedrock


def receive(scenario: Scenario, *rows: tuple[float, int, int]) -> list[str]:
    server = SimulatedBedrock(scenario)
    replies = [server.admit(at, unit, at, tokens, max_tokens) for unit, (at, tokens, max_tokens) in enumerate(rows)]
    errors = ["" if isinstance(reply, Admitted) else reply for reply in replies]
    assert [(call.unit, call.arrived, call.error) for call in server.calls] == [
        (unit, at, error) for (unit, (at, _, _)), error in zip(enumerate(rows), errors, strict=True)
    ]
    return errors


def small(*times: float) -> list[tuple[float, int, int]]:
    return [(at, 10, 10) for at in times]


def test_a_bucket_refills_continuously():
    assert receive(Scenario(QuotaRules(rpm=60, burst=2)), *small(0, 0, 0, 0.5, 1.0, 1.0, 3.5, 3.5, 3.5)) == [
        "", "", "requests", "requests", "", "requests", "", "", "requests",
    ]  # fmt: skip


@pytest.mark.parametrize(("phase", "boundary"), [(0.0, 60.0), (40.0, 20.0)])
def test_fixed_windows_follow_the_servers_clock(phase, boundary):
    scenario = Scenario(QuotaRules(rpm=2, refill="fixed"), phase=phase)
    times = small(0, 1, 2, boundary - 0.1, boundary, boundary + 1, boundary + 2)
    assert receive(scenario, *times) == ["", "", "requests", "requests", "", "", "requests"]


def test_the_phase_is_drawn_from_the_seed():
    phases = {SimulatedBedrock(Scenario(QuotaRules(), seed)).phase for seed in range(20)}
    assert len(phases) == 20
    assert all(0 <= phase < 60 for phase in phases)
    assert SimulatedBedrock(Scenario(QuotaRules(), 3)).phase == SimulatedBedrock(Scenario(QuotaRules(), 3)).phase


def test_a_sliding_window_counts_the_last_minute():
    scenario = Scenario(QuotaRules(rpm=2, refill="sliding"))
    assert receive(scenario, *small(0, 30, 59, 60, 61, 90)) == ["", "", "requests", "", "requests", ""]


def test_tokens_are_reserved_with_max_tokens_and_settled_with_burndown():
    server = SimulatedBedrock(Scenario(QuotaRules(tpm=6000, burst=60, burndown=5)))
    first = server.admit(0.0, 0, 0.0, 3000, 2000)
    (call,) = server.calls
    assert (call.reserved, call.tokens(9.0)) == (5000, 5000)
    assert server.admit(0.0, 1, 0.0, 1000, 500) == "tokens"
    server.settle(0.0, first, 3000, 400)  # 5,000 of 5,000: no refund
    call, throttled = server.calls
    assert (call.settled, call.ended, call.tokens(1.0)) == (5000, 0.0, 5000)
    assert (throttled.error, throttled.tokens(1.0)) == ("tokens", 0)
    assert isinstance(server.admit(5.0, 2, 5.0, 1000, 500), Admitted)
    with pytest.raises(RuntimeError, match="once"):
        server.settle(6.0, first, 3000, 400)


def test_an_outage_takes_nothing_from_the_quota():
    scenario = Scenario(QuotaRules(rpm=1, burst=60), outages=(Outage(10.0, 20.0),))
    assert receive(scenario, *small(10.0, 19.9, 20.0, 20.0)) == ["unavailable", "unavailable", "", "requests"]


@pytest.mark.parametrize("refill", ["bucket", "fixed", "sliding"])
@pytest.mark.parametrize(("factor", "fit"), [(0.5, 30), (2.0, 120)])
def test_a_quota_change_keeps_what_is_used(refill, factor, fit):
    rules = QuotaRules(rpm=60, burst=60, refill=refill)
    rows = small(*[0.0] * 20, *[30.0] * 200, *[121.0] * 200)
    errors = receive(Scenario(rules, phase=0.0, changes=(QuotaChange(30.0, factor),)), *rows)
    at_the_change, later = errors[20:220].count(""), errors[220:].count("")
    assert at_the_change == {
        "bucket": min(60, fit) if factor < 1 else 60,  # it was full; a larger bucket refills at the new rate
        "fixed": fit - 20,
        "sliding": fit - 20,
    }[refill]  # fmt: skip
    assert later == fit


@pytest.mark.parametrize(("rpm", "admitted"), [(290, 290), (600, 300)])
def test_a_tenant_uses_the_quota_from_start_to_end(rpm, admitted):
    """Next to a client that uses all of the quota it gets less than it sends; together they never exceed the quota."""
    scenario = Scenario(QuotaRules(rpm=600, burst=1), tenants=(Tenant(10.0, 70.0, rpm=300.0),))
    server = SimulatedBedrock(scenario)
    for unit in range(int(rpm * 1.5)):
        server.admit(unit * 60 / rpm, unit, 0.0, 10, 10)
    ours = list(server.calls)
    assert 299 <= len(server.tenant_calls) <= 301
    assert all(10.0 <= call.arrived < 70.1 for call in server.tenant_calls)
    theirs = sum(not call.error for call in server.tenant_calls)
    during = sum(not call.error for call in ours if 10.0 <= call.arrived < 70.0)
    assert theirs > 0
    assert admitted <= during
    assert min(600, rpm + 300) - 12 <= during + theirs <= 612
    assert not any(call.error for call in ours if not 10.0 <= call.arrived < 71.0)


def test_a_tenants_tokens_count():
    scenario = Scenario(QuotaRules(tpm=6000, burst=60), tenants=(Tenant(0.0, 50.0, rpm=60.0, tokens=200),))
    errors = receive(scenario, (49.0, 6000, 0), (51.0, 1000, 0), (51.0, 5000, 0))
    assert errors == ["tokens", "", "tokens"]
