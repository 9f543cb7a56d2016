"""The table of a simulation."""

import io
import re
from dataclasses import replace

from cli.render.simulate_table import recommendation_lines, write_table
from cli.wiring import simulated_gate
from jobs.emulator.quotas import QuotaRules
from jobs.simulation.comparison import compare
from jobs.simulation.experiment import Simulation
from jobs.simulation.scenario import Scenario
from jobs.simulation.workload import User


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def written(stream: io.StringIO, users: int = 1) -> str:
    simulation = Simulation(
        scenario=Scenario(QuotaRules(rpm=60, tpm=1_000_000.0), 1),
        requests=30,
        users=tuple(User(f"\x1b[31m{number}") for number in range(users)),
    )
    shown = list(compare(simulation, ("none", "adaptive", "bedrock-batch"), simulated_gate))
    write_table(simulation, shown, stream)
    return stream.getvalue()


def test_fairness_is_shown_where_there_are_several_users():
    assert "fair" not in written(io.StringIO())
    assert "fair" in written(io.StringIO(), users=2)


def test_large_numbers_are_written_out():
    text = written(io.StringIO())
    assert "60 requests and 1,000,000 tokens a minute" in text
    assert "--rpm 60 --tpm 1000000 " in text


def test_a_narrow_terminal_has_fewer_columns_and_no_broken_line(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    lines = re.sub(r"\x1b\[[0-9;]*m", "", written(Terminal())).splitlines()
    (row,) = [line for line in lines if line.startswith("bedrock-batch ")]
    assert len(row.rstrip()) <= 60
    assert "lost" in next(line for line in lines if line.startswith("algorithm"))
    assert "worst min" not in "\n".join(lines)


def test_without_a_terminal_there_are_no_control_sequences():
    assert "\x1b" not in written(io.StringIO(), users=2)


def test_what_a_recommendation_brings_to_a_timed_run_is_what_more_it_serves():
    simulation = Simulation(scenario=Scenario(QuotaRules(rpm=60), 1), requests=None, duration=180.0, concurrency=2)
    [shown] = compare(simulation, ["bedrock-batch"], simulated_gate)
    *_, figures = recommendation_lines(shown.recommendation)
    assert re.fullmatch(r"  1\d\d requests in .*, 0\.0% refused; 3\.\d times as fast as .* \(5\d requests\)", figures)
    [same] = compare(replace(simulation, concurrency=100), ["bedrock-batch"], simulated_gate)
    assert "times as fast" not in "".join(recommendation_lines(same.recommendation))
