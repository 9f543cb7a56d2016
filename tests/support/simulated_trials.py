"""Short experiments with any of the algorithms."""

from cli.wiring import simulated_gate
from jobs.emulator.quotas import QuotaRules
from jobs.simulation.comparison import Trial, compare
from jobs.simulation.experiment import Experiment
from jobs.simulation.scenario import Scenario

EXPERIMENT = Experiment(scenario=Scenario(QuotaRules(rpm=120), 1), requests=120)


def trials(experiment: Experiment, *names: str, timelines: bool = False) -> dict[str, Trial]:
    """The trial of each algorithm, by name."""
    done = compare(experiment, names, simulated_gate, timelines=timelines)
    return {trial.result.algorithm: trial for trial in done}
