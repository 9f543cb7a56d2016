"""How much of a quota the rate engine uses, and how many calls it wastes, beside its peers: virtual time, no network.

`python tests/benchmarks/rates.py [--all] [--cases SUBSTRING] [--seeds N] [--minutes M] [--peers N] [--jobs N]`

The real dispatcher, gate and book run against a simulated Bedrock (jobs.simulation); the columns are utilisation and,
after the stroke, the part of the calls that was throttled, in percent. In brackets: the worst seed. `knowing`: a client
that has the server's own books, and no jitter on its way: more is not to be had from this work (where two quotas bind
in turn, it is the measure of all others). `from afar`: the same client, whose calls travel as ours do; what a quota
gives back while a call is under way may be lost to both. Of `within` the figure is in seconds: until 90% of the quota
is used for 20 s (for a minute where the server counts minutes).
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

sys.path.append(str(Path(__file__).parents[1] / "support"))

import engine_gates
import rate_measures as measures
import rates_peers
from rates_cases import Case, cases

from jobs.pipeline.stopping import Policy
from jobs.simulation.baseline_client import BaselineClient, ClientPacer
from jobs.simulation.engine_run import Run, run
from jobs.simulation.measures import lost
from jobs.simulation.scenario import Timing
from jobs.simulation.server import SimulatedBedrock
from ratelimit.gate import Gate

FIRST_SEED = 401
"""Seeds below it were for tuning."""
WORST = 0.03
"""How far below its goal the worst seed's utilisation may be."""
OURS, KNOWING, AFAR = "ours", "knowing", "from afar"


@dataclass(frozen=True)
class Measured:
    """What came of one seed."""

    utilisation: float
    throttled: float
    within: float
    lost: int


def ours(case: Case, seed: int, seconds: float) -> Run:
    def gate() -> Gate:
        if case.told:
            return engine_gates.told(case.rules, case.max_tokens)
        return engine_gates.blind(case.rules, case.max_tokens, case.max_in_flight)

    return run(case.scenario(seed), case.work(seed), gate, policy=Policy(), seconds=seconds)


def knowing(case: Case, seed: int, seconds: float, uplink: tuple[float, float] = (0.0, 0.0)) -> Run:
    scenario = replace(case.scenario(seed), timing=Timing(uplink=uplink))
    phase = SimulatedBedrock(scenario).phase
    return run(
        scenario, replace(case.work(seed), spread=0.0), lambda: engine_gates.knowing(case.rules, phase),
        policy=Policy(), seconds=seconds,
    )  # fmt: skip


def peer(make: Callable[[Case], ClientPacer]) -> Callable[[Case, int, float], Run]:
    def contend(case: Case, seed: int, seconds: float) -> Run:
        max_in_flight = max(16, round(1.5 * 7 * case.pace))  # half more than are in flight at the full rate
        client = BaselineClient(case.scenario(seed), case.work(seed), lambda: make(case), max_in_flight)
        return client.run(seconds)

    return contend


CONTENDERS: dict[str, Callable[[Case, int, float], Run]] = {
    OURS: ours,
    KNOWING: knowing,
    AFAR: partial(knowing, uplink=Timing().uplink),
    "aiolimiter": peer(lambda case: rates_peers.Aiolimiter(case.rules)),
    "botocore": peer(lambda case: rates_peers.BotocoreAdaptive()),
    "x1.1/x0.5": peer(lambda case: rates_peers.AdaptiveRule(case.rules)),
}


def measure(task: tuple[Case, str, int, float]) -> tuple[str, str, Measured, float]:
    case, baseline, seed, seconds = task
    began = time.process_time()
    done = CONTENDERS[baseline](case, seed, seconds)
    start = case.changes[-1].at if case.changes else 0.0
    most = 1.0
    if baseline != KNOWING and case.rules.rpm and case.rules.tpm:
        # A quota that does not bind fills up, and is there to be had at once when its turn comes.
        most = measures.utilisation(knowing(case, seed, seconds))
    result = Measured(
        measures.utilisation(done) / most,
        measures.throttle_rate(done),
        measures.seconds_to_utilisation(done, start=start) if case.within else 0.0,
        lost(done),
    )
    seconds_taken = time.process_time() - began
    del done
    gc.collect()  # else the cycles of a whole run are kept: hundreds of runs would take all memory
    return case.name, baseline, result, seconds_taken


def tasks(chosen: list[Case], seeds: int, peers: int, seconds: float) -> Iterator[tuple[Case, str, int, float]]:
    for case in chosen:
        for baseline in CONTENDERS:
            if baseline in {KNOWING, AFAR} and (case.tenants or case.changes or not case.rules.tpm):
                continue  # it knows nothing of others; where only calls count, it has all that there is
            for seed in range(seeds if baseline == OURS else min(seeds, peers)):
                yield case, baseline, FIRST_SEED + seed, seconds


def missed(case: Case, seeds: list[Measured]) -> list[str]:
    """The goals that the seeds do not reach, in words."""
    found = []
    mean, worst = statistics.fmean(one.utilisation for one in seeds), min(one.utilisation for one in seeds)
    if case.utilisation is not None and mean < case.utilisation:
        found.append("utilisation")
    if case.utilisation is not None and worst < case.utilisation - WORST:
        found.append("worst seed")
    if case.throttled is not None and statistics.fmean(one.throttled for one in seeds) > case.throttled:
        found.append("throttled")
    if case.within is not None and statistics.fmean(one.within for one in seeds) > case.within:
        found.append("within")
    if any(one.lost for one in seeds):
        found.append(f"lost {sum(one.lost for one in seeds)}")
    return found


def row(case: Case, results: dict[str, list[Measured]]) -> str:
    goal = f"{100 * case.utilisation:.1f}/{100 * (case.throttled or 0):.1f}" if case.utilisation else ""
    within = f" <= {case.within:g} s" if case.within else ""
    cells = [f"{case.name:<36} {goal + within:<18}"]
    for baseline in CONTENDERS:
        seeds = results.get(baseline)
        cells.append(f"{_cell(case, seeds) if seeds else '-':<{31 if baseline == OURS else 14}}")
    wrong = missed(case, results[OURS])
    if case.utilisation and any(one.utilisation < case.utilisation for one in results.get(KNOWING, [])):
        wrong.append("out of anybody's reach")
    return " ".join([*cells, "MISSED: " + ", ".join(wrong) if wrong else "ok"])


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
    parser.add_argument("--cases", default="", metavar="SUBSTRING", help="only those whose names have it")
    parser.add_argument("--seeds", type=int, help="how many, from 401 on (2; with --all 20)")
    parser.add_argument("--peers", type=int, default=2, help="seeds of the others, at most; 0 leaves them out")
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
    print(f"{'case':<36} {'goal':<18} {OURS:<31} " + " ".join(f"{name:<14}" for name in CONTENDERS if name != OURS))
    # During a run a collection finds nothing, and costs a sixth of the time.
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
