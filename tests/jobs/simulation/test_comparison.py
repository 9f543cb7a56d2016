"""Side by side, and through the real engine."""

from dataclasses import asdict, replace
from functools import partial

import pytest

from cli.wiring import simulated_gate
from jobs.emulator.quotas import QuotaRules
from jobs.pipeline.dispatcher import Dispatcher
from jobs.simulation.comparison import ALGORITHMS, BLIND, TOLD, Shown, _run, compare
from jobs.simulation.experiment import Simulation
from jobs.simulation.recommendation import recommend
from jobs.simulation.scenario import Outage, QuotaChange, Scenario, Tenant, World
from jobs.simulation.tally import result
from jobs.simulation.workload import Mix, User
from ratelimit.breaker import Breaker
from ratelimit.gate import Gate

SIMULATION = Simulation(scenario=Scenario(QuotaRules(rpm=120), 1), requests=120)
ENGINE = (TOLD, BLIND)


def shown(simulation: Simulation, *names: str, timelines: bool = False) -> dict[str, Shown]:
    return {one.result.algorithm: one for one in compare(simulation, names, simulated_gate, timelines=timelines)}


def test_every_algorithm_runs_the_same_requests():
    done = shown(SIMULATION, *ALGORITHMS)
    assert tuple(done) == ALGORITHMS
    assert {one.result.served + one.result.lost for one in done.values()} == {120}
    assert len({one.result.ideal_s for one in done.values()}) == 1


def test_the_real_engine_loses_nothing_whatever_happens():
    scenario = Scenario(
        QuotaRules(rpm=120, refill="fixed"),
        2,
        tenants=(Tenant(20.0, 200.0, 60.0),),
        changes=(QuotaChange(100.0, 0.5),),
        outages=(Outage(30.0, 90.0),),
    )
    for one in shown(replace(SIMULATION, scenario=scenario), *ENGINE).values():
        assert (one.result.served, one.result.lost) == (120, 0)
        assert one.result.makespan_s >= one.result.ideal_s


@pytest.mark.parametrize("what", [(Dispatcher, "run"), (Gate, "acquire"), (Breaker, "wait"), (Breaker, "enter")])
@pytest.mark.parametrize("name", ENGINE)
def test_there_is_no_second_copy_of_the_engine(monkeypatch, what, name):
    def broken(*_: object, **__: object) -> None:
        raise ArithmeticError("the real one was called")

    monkeypatch.setattr(*what, broken)
    with pytest.raises((ArithmeticError, ExceptionGroup)) as raised:
        shown(SIMULATION, name)
    assert raised.group_contains(ArithmeticError) if isinstance(raised.value, ExceptionGroup) else True


@pytest.mark.parametrize("name", ENGINE)
def test_the_same_seed_is_the_same_to_the_last_digit_and_another_is_another(name):
    def of(seed: int) -> dict[str, object]:
        simulation = replace(SIMULATION, scenario=Scenario(QuotaRules(rpm=120), seed), arrivals="poisson")
        return asdict(shown(simulation, name, timelines=True)[name])

    assert of(1) == of(1)
    assert of(1) != of(2)


def test_users_share_by_weight_however_much_each_sends():
    mix = Mix((1000, 1000), 100, 0.0)
    users = (User("a", share=9, mix=mix), User("b", mix=mix))
    simulation = replace(SIMULATION, requests=600, users=users)
    done = shown(simulation, TOLD, "token-bucket")
    assert done[TOLD].result.fairness > 0.97
    assert done["token-bucket"].result.fairness < 0.75
    heavy = replace(simulation, users=(replace(users[0], share=1), replace(users[1], weight=3)))
    assert shown(heavy, TOLD)[TOLD].result.fairness > 0.97


def test_a_recommendation_has_room_for_the_longest_answer_and_makes_a_batch_faster():
    rules = QuotaRules(rpm=600, tpm=100_000.0)
    mix = Mix((400, 600), 100, 0.3)
    simulation = Simulation(
        scenario=Scenario(rules, 1), requests=100, max_tokens=8192, users=(User("a", mix=mix),), concurrency=1000
    )
    done = shown(simulation, TOLD)[TOLD].recommendation
    assert done
    longest = max(_run(TOLD, simulation, simulated_gate).work.outputs)
    assert longest < done.max_tokens < 2 * longest
    assert done.after.makespan_s < done.before.makespan_s
    assert done.after.served == 100
    assert done.options == f"--rpm 600 --tpm 100000 --max-tokens {done.max_tokens} --concurrency {done.concurrency}"


@pytest.mark.parametrize(
    ("rpm", "tpm", "most"), [(200.0, 400_000.0, 8192), (200.0, 400_000.0, 30_000), (100.0, 300_000.0, 50_000)]
)
def test_the_places_that_are_recommended_are_enough_for_the_run_that_is_promised(rpm, tpm, most):
    simulation = Simulation(scenario=Scenario(QuotaRules(rpm, tpm), 1), requests=100, max_tokens=most)
    found = shown(simulation, TOLD)[TOLD].recommendation
    assert found
    free = replace(simulation, max_tokens=found.max_tokens)
    assert found.after == result(TOLD, _run(TOLD, free, simulated_gate))
    assert found.after == result(TOLD, _run(TOLD, replace(free, concurrency=found.concurrency), simulated_gate))
    assert found.concurrency < 100


def test_settings_that_bring_less_than_those_that_there_are_are_not_recommended():
    simulation = Simulation(scenario=Scenario(QuotaRules(100.0, 100_000.0), 1), requests=50, max_tokens=4096)
    done = _run(TOLD, simulation, simulated_gate)
    before = result(TOLD, done)
    slower = _run(TOLD, replace(simulation, concurrency=1), simulated_gate)
    found = recommend(simulation, done, before, lambda _: slower)
    assert found
    assert (found.max_tokens, found.after, found.faster) == (4096, before, 1.0)


def test_of_a_timed_run_the_gain_is_what_more_is_served():
    timed = replace(SIMULATION, requests=None, duration=180.0, concurrency=2)
    found = shown(timed, TOLD)[TOLD].recommendation
    assert found
    assert found.after.served > 2 * found.before.served
    assert found.faster == found.after.served / found.before.served


def test_without_a_quota_in_tokens_a_recommendation_needs_no_second_run():
    done = _run(TOLD, SIMULATION, simulated_gate)
    found = recommend(SIMULATION, done, result(TOLD, done), partial(pytest.fail, "a second run"))
    assert found
    assert found.before is found.after
    assert 120 / 60 * 6 < found.concurrency < 120


def test_a_course_adds_up_to_what_was_served():
    done = shown(SIMULATION, "none", *ENGINE, timelines=True)
    for one in done.values():
        assert one.timeline
        assert sum(one.timeline.admitted) * one.timeline.step == pytest.approx(one.result.served)
        assert sum(one.timeline.refused) * one.timeline.step == pytest.approx(one.result.throttled)
        assert one.timeline.waiting[-1] == one.result.lost
        assert set(one.timeline.quota) == {2.0}
    assert done[TOLD].timeline.rate == (None,) * len(done[TOLD].timeline.rate)
    assert done[BLIND].timeline.rate[-1] == pytest.approx(2.0, rel=0.1)


def test_an_outage_opens_the_breaker_in_the_course():
    scenario = Scenario(QuotaRules(rpm=120), 1, outages=(Outage(20.0, 50.0),))
    timeline = shown(replace(SIMULATION, scenario=scenario), TOLD, timelines=True)[TOLD].timeline
    assert timeline
    assert [state for _, state in timeline.breaker] == ["open", "half-open", "closed"]
    assert timeline.outages == ((20.0, 50.0),)


@pytest.mark.parametrize(
    ("name", "remark"),
    [
        ("none", "loses 116 after 8 attempts each: nothing holds its calls back"),
        ("adaptive", "times the time that it needs: it begins with a call a second"),
        ("botocore-adaptive", "of its calls are refused: it finds the rate by being refused"),
        ("leaky-bucket", ""),
        (TOLD, ""),
    ],
)
def test_a_bad_figure_has_its_reason(name, remark):
    said = shown(SIMULATION, name)[name].remark
    assert remark in said
    assert bool(said) == bool(remark)


def test_places_that_were_all_taken_are_not_what_is_recommended():
    few = replace(SIMULATION, requests=60, concurrency=1)
    found = shown(few, TOLD)[TOLD].recommendation
    assert found
    assert 12 < found.concurrency < 30  # two a second, for some seven seconds each
    assert found.after.makespan_s < 0.2 * found.before.makespan_s


def test_a_recommendation_names_a_burst_that_is_not_the_default_and_none_is_given_where_requests_are_lost():
    burst = replace(SIMULATION, scenario=Scenario(QuotaRules(rpm=120, burst=30), 1))
    found = shown(burst, TOLD)[TOLD].recommendation
    assert found
    assert "--rpm 120 --burst 30s --max-tokens" in found.options
    slow = replace(SIMULATION, scenario=Scenario(QuotaRules(rpm=120), 1, World(latency=1e6)), requests=2)
    lost = shown(slow, TOLD)[TOLD]
    assert lost.result.lost == 2
    assert lost.recommendation is None
    assert "a call that has no answer after 15 minutes is given up" in lost.remark


def test_who_sent_no_request_is_not_treated_unfairly():
    many = replace(SIMULATION, requests=5, users=tuple(User(f"{n}") for n in range(50)))
    assert shown(many, TOLD)[TOLD].result.fairness == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("scenario", "name", "remark"),
    [
        ({"changes": (QuotaChange(10.0, 0.5),)}, "token-bucket", "the quota is no longer what it was told"),
        ({"tenants": (Tenant(0.0, 300.0, 60.0),)}, "leaky-bucket", "others take a part of the quota"),
        ({"rules": QuotaRules(rpm=120, refill="fixed")}, TOLD, "it spreads evenly what the server would give at once"),
        ({"outages": (Outage(0.0, 300.0),)}, "none", "the server was out for longer than they take"),
        ({"world": World(latency=3600.0)}, "token-bucket", "a call that has no answer after 15 minutes is given up"),
        (
            {"changes": (QuotaChange(10.0, 3.0),)},
            TOLD,
            "it keeps to the quota that it was told, and there is more since",
        ),
        (
            {"changes": (QuotaChange(30.0, 0.75),)},
            "sliding-counter",
            "what is refused backs off while the quota goes unused",
        ),
        ({"outages": (Outage(0.0, 5.0),)}, TOLD, "after an outage it goes on late"),
        ({"rules": QuotaRules(rpm=120, refill="sliding")}, "kong", "what it refuses stays away for as long as it says"),
        ({"rules": QuotaRules(rpm=120, refill="fixed")}, "sliding-log", "it counts minutes in another way"),
        ({"rules": QuotaRules(rpm=120, refill="sliding")}, "fixed-window", "what is refused backs off while"),
    ],
)
def test_the_reason_is_what_happened(scenario, name, remark):
    told = Scenario(**{"rules": QuotaRules(rpm=120), "seed": 1, **scenario})
    assert remark in shown(replace(SIMULATION, scenario=told, requests=300), name)[name].remark


@pytest.mark.parametrize("name", ["none", "kong", "adaptive", TOLD, BLIND])
def test_places_that_are_too_few_are_the_reason(name):
    few = replace(SIMULATION, requests=60, concurrency=1)
    said = shown(few, name)[name].remark
    assert "times the time that it needs: no more than 1 call may be under way at a time" in said


def test_where_next_to_no_time_is_needed_seconds_are_told_and_no_ratio():
    burst = replace(SIMULATION, scenario=Scenario(QuotaRules(rpm=120, burst=60), 1))
    said = shown(burst, "leaky-bucket")["leaky-bucket"].remark
    assert said == "takes 60 s where less than a second would do: it spreads evenly what the server would give at once"


def test_what_would_happen_after_the_end_is_no_reason():
    later = Scenario(QuotaRules(rpm=120), 1, tenants=(Tenant(1e5, 2e5, 60.0),), outages=(Outage(1e5, 2e5),))
    said = shown(replace(SIMULATION, scenario=later), "adaptive")["adaptive"].remark
    assert "it begins with a call a second" in said


def test_a_time_that_nobody_would_notice_is_not_called_slow():
    single = shown(replace(SIMULATION, requests=1), *ALGORITHMS)
    assert {one.remark for one in single.values()} == {""}
