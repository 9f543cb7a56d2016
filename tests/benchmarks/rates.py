"""Utilisation and throttle rate of the rate engine and its peers, in virtual time, without a network.

`python tests/benchmarks/rates.py [--all] [--cases SUBSTRING] [--seeds N] [--minutes M] [--peers N] [--jobs N]`

The real dispatcher, gate and quotas run against a simulated Bedrock (jobs.simulation). Columns: utilisation / throttle
rate in percent, the worst seed in brackets. `ideal`: a client with the server's own limiters and no travel times, which
no client can beat (where two quotas bind in turn, the others are measured by it). `ideal, remote`: the same, but its
calls travel as ours do; both may lose what a quota refills while a call travels. `within`: seconds until 90% of the
quota is used for 20 s (for a minute with windows).
"""

import argparse
import gc
import multiprocessing
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1] / "support"))

import engine_gates
import rate_measures as measures
import rates_peers
from rates_cases import Case, cases

from jobs.pipeline.stopping import Policy
from jobs.simulation.baseline_client import BaselineClient
from jobs.simulation.engine_run import Run, run
from jobs.simulation.measures import lost
from jobs.simulation.scenario import Timing
from jobs.simulation.server import SimulatedBedrock
from ratelimit.gate import Gate

FIRST_SEED = 401
"""Lower seeds were used for tuning."""
WORST = 0.03
"""By how much the worst seed's utilisation may miss its goal."""
OURS, IDEAL, REMOTE = "ours", "ideal", "ideal, remote"


@dataclass(frozen=True)
class Measured:
    """The result of one seed."""

    utilisation: float
    throttled: float
    within: float
    lost: int


def ours(case: Case, seed: int, seconds: float) -> Run:
    def gate() -> Gate:
        if case.configured:
            return engine_gates.configured(case.rules, case.max_tokens)
        return engine_gates.unknown(case.rules, case.max_tokens, case.max_in_flight)

    return run(case.scenario(seed), case.work(seed), gate, policy=Policy(), seconds=seconds)


def ideal(case: Case, seed: int, seconds: float, uplink: tuple[float, float] = (0.0, 0.0)) -> Run:
    scenario = replace(case.scenario(seed), timing=Timing(uplink=uplink))
    phase = SimulatedBedrock(scenario).phase
    return run(
        scenario, replace(case.work(seed), spread=0.0), lambda: engine_gates.ideal(case.rules, phase),
        policy=Policy(), seconds=seconds,
    )  # fmt: skip


def peer(make: Callable[[Case], Any]) -> Callable[[Case, int, float], Run]:
    def run_peer(case: Case, seed: int, seconds: float) -> Run:
        max_in_flight = max(16, round(1.5 * 7 * case.rate))  # half more than are in flight at the full rate
        client = BaselineClient(case.scenario(seed), case.work(seed), lambda: make(case), max_in_flight)
        return client.run(seconds)

    return run_peer


BASELINES: dict[str, Callable[[Case, int, float], Run]] = {
    OURS: ours,
    IDEAL: ideal,
    REMOTE: partial(ideal, uplink=Timing().uplink),
    "aiolimiter": peer(lambda case: rates_peers.Aiolimiter(case.rules)),
    "botocore": peer(lambda case: rates_peers.BotocoreAdaptive()),
    "x1.1/x0.5": peer(lambda case: rates_peers.AdaptiveRule(case.rules)),
}


def measure(task: tuple[Case, str, int, float]) -> tuple[str, str, Measured, float]:
    case, baseline, seed, seconds = task
    began = time.process_time()
    done = BASELINES[baseline](case, seed, seconds)
    start = case.changes[-1].at if case.changes else 0.0
    max_utilisation = 1.0
    if baseline != IDEAL and case.rules.rpm and case.rules.tpm:
        # A quota that does not bind fills up and can be used at once when its turn comes.
        max_utilisation = measures.utilisation(ideal(case, seed, seconds))
    result = Measured(
        measures.utilisation(done) / max_utilisation,
        measures.throttle_rate(done),
        measures.seconds_to_utilisation(done, start=start) if case.within else 0.0,
        lost(done),
    )
    seconds_taken = time.process_time() - began
    del done
    gc.collect()  # frees the reference cycles of the run: hundreds of runs would use up the memory
    return case.name, baseline, result, seconds_taken


def tasks(chosen: list[Case], seeds: int, peers: int, seconds: float) -> Iterator[tuple[Case, str, int, float]]:
    for case in chosen:
        for baseline in BASELINES:
            if baseline in {IDEAL, REMOTE} and (case.tenants or case.changes or not case.rules.tpm):
                continue  # it cannot know others; and a request quota it uses in full
            for seed in range(seeds if baseline == OURS else min(seeds, peers)):
                yield case, baseline, FIRST_SEED + seed, seconds


def missed(case: Case, seeds: list[Measured]) -> list[str]:
    """The goals that the seeds miss, in words."""
    goals = []
    mean, worst = statistics.fmean(one.utilisation for one in seeds), min(one.utilisation for one in seeds)
    if case.utilisation is not None and mean < case.utilisation:
        goals.append("utilisation")
    if case.utilisation is not None and worst < case.utilisation - WORST:
        goals.append("worst seed")
    if case.throttled is not None and statistics.fmean(one.throttled for one in seeds) > case.throttled:
        goals.append("throttled")
    if case.within is not None and statistics.fmean(one.within for one in seeds) > case.within:
        goals.append("within")
    if any(one.lost for one in seeds):
        goals.append(f"lost {sum(one.lost for one in seeds)}")
    return goals


def row(case: Case, results: dict[str, list[Measured]]) -> str:
    goal = f"{100 * case.utilisation:.1f}/{100 * (case.throttled or 0):.1f}" if case.utilisation else ""
    within = f" <= {case.within:g} s" if case.within else ""
    cells = [f"{case.name:<36} {goal + within:<18}"]
    for baseline in BASELINES:
        seeds = results.get(baseline)
        cells.append(f"{_cell(case, seeds) if seeds else '-':<{31 if baseline == OURS else 14}}")
    problems = missed(case, results[OURS])
    if case.utilisation and any(one.utilisation < case.utilisation for one in results.get(IDEAL, [])):
        problems.append("out of reach")
    return " ".join([*cells, "MISSED: " + ", ".join(problems) if problems else "ok"])


def _cell(case: Case, seeds: list[Measured]) -> str:
    mean = statistics.fmean(one.utilisation for one in seeds)
    text = f"{100 * mean:.1f}"
    if len(seeds) > 1:
        text += f" ({100 * min(one.utilisation for one in seeds):.1f})"
    text += f"/{100 * statistics.fmean(one.throttled for one in seeds):.2f}"
    if case.within:
        text += f" {statistics.fmean(one.within for one in seeds):.0f} s ({max(one.within for one in seeds):.0f})"
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true", help="every case, 20 seeds")
    parser.add_argument("--cases", default="", metavar="SUBSTRING", help="only cases with this in their names")
    parser.add_argument("--seeds", type=int, help="number of seeds, from 401 on (2; with --all 20)")
    parser.add_argument("--peers", type=int, default=2, help="most seeds for the peers; 0 leaves them out")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    options = parser.parse_args()
    chosen = [case for case in cases() if options.cases in case.name and (options.all or options.cases or case.quick)]
    if not chosen:
        sys.exit(f"no case has {options.cases!r} in its name")
    seeds = options.seeds or (20 if options.all else 2)
    work = list(tasks(chosen, seeds, options.peers, options.minutes * 60))
    left = {case.name: sum(task[0] is case for task in work) for case in chosen}
    results: dict[str, dict[str, list[Measured]]] = defaultdict(lambda: defaultdict(list))
    cpu = 0.0
    failed = 0
    print(f"{'case':<36} {'goal':<18} {OURS:<31} " + " ".join(f"{name:<14}" for name in BASELINES if name != OURS))
    # Garbage collection finds nothing during a run, and takes a sixth of the time.
    with multiprocessing.Pool(options.jobs, gc.disable) as pool:
        for name, baseline, result, seconds in pool.imap_unordered(measure, work):
            results[name][baseline].append(result)
            cpu += seconds
            left[name] -= 1
            if not left[name]:
                case = next(case for case in chosen if case.name == name)
                print(row(case, results[name]), flush=True)
                failed += bool(missed(case, results[name][OURS]))
    print(f"\n{len(chosen) - failed} of {len(chosen)} cases reach their goals; seeds {FIRST_SEED} to "
          f"{FIRST_SEED + seeds - 1}, {options.minutes:g} virtual minutes each, {cpu:.0f} s of CPU")  # fmt: skip


if __name__ == "__main__":
    main()
