"""The table of `simulate`."""

import io
import re
from dataclasses import replace

from cli.render.simulate_table import recommendation_lines, write_table
from cli.wiring import simulated_gate
from jobs.emulator.quotas import QuotaRules
from jobs.simulation.comparison import compare
from jobs.simulation.experiment import Experiment
from jobs.simulation.scenario import Outage, Scenario, Tenant
from jobs.simulation.workload import User

RULES = QuotaRules(rpm=60, tpm=1_000_000.0)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def table(stream: io.StringIO, users: int = 1, **scenario: object) -> str:
    experiment = Experiment(
        scenario=Scenario(RULES, 1, **scenario),  # type: ignore[arg-type]
        requests=30,
        users=tuple(User(f"\x1b[31m{number}") for number in range(users)),
    )
    trials = list(compare(experiment, ("none", "adaptive", "bedrock-batch"), simulated_gate))
    write_table(experiment, trials, stream)
    return stream.getvalue()


def in_terminal(monkeypatch, columns: int) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    return re.sub(r"\x1b\[[0-9;]*m", "", table(Terminal(), users=2)).splitlines()


def test_fairness_is_shown_for_several_users():
    assert "fairness" not in table(io.StringIO())
    assert "fairness" in table(io.StringIO(), users=2)


def test_large_numbers_are_not_in_scientific_notation():
    text = table(io.StringIO())
    assert "30 requests, quota 60 requests/minute and 1,000,000 tokens/minute (token bucket, 1 s burst)" in text
    assert "--rpm 60 --tpm 1000000 " in text


def test_the_ideal_time_ignores_other_tenants_and_says_so():
    assert "; ideal time 28s\n" in table(io.StringIO(), outages=(Outage(500.0, 600.0),))
    assert "; ideal time without other tenants 28s\n" in table(io.StringIO(), tenants=(Tenant(0.0, 9.0, 1.0),))


def test_120_columns_hold_every_figure(monkeypatch):
    lines = in_terminal(monkeypatch, 120)
    heading = next(line for line in lines if line.startswith("algorithm"))
    assert heading.split("  ")[0] == "algorithm"
    assert [name.strip() for name in re.split(r" {2,}", heading.strip())[1:]] == [
        "time", "gave up", "calls", "throttled", "utilisation", "p50 wait", "p95 wait", "lowest minute", "fairness",
    ]  # fmt: skip


def test_a_narrow_terminal_has_fewer_columns(monkeypatch):
    lines = in_terminal(monkeypatch, 60)
    (row,) = [line for line in lines if line.startswith("bedrock-batch ")]
    assert len(row.rstrip()) <= 60
    assert "gave up" in next(line for line in lines if line.startswith("algorithm"))
    assert "lowest minute" not in "\n".join(lines)


def test_without_a_terminal_there_are_no_control_sequences():
    assert "\x1b" not in table(io.StringIO(), users=2)


def test_the_speedup_of_a_timed_run_is_in_requests():
    experiment = Experiment(scenario=Scenario(QuotaRules(rpm=60), 1), requests=None, duration=180.0, concurrency=2)
    [trial] = compare(experiment, ["bedrock-batch"], simulated_gate)
    *_, figures = recommendation_lines(trial.recommendation)
    assert re.fullmatch(
        r"  1\d\d requests in .*, 0\.0% throttled; 3\.\d times the 5\d requests of the run above", figures
    )
    [same] = compare(replace(experiment, concurrency=100), ["bedrock-batch"], simulated_gate)
    assert "times" not in "".join(recommendation_lines(same.recommendation))
