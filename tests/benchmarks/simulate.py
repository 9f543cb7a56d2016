"""What a simulated request costs: `python tests/benchmarks/simulate.py [--requests N] [--tokens]`.

A batch goes through the real dispatcher, told its quota, in virtual time: nothing is written and nothing travels. It is
as large a quota as keeps a few hundred calls in flight. Times are CPU; the memory is the most that the process had.
"""

import argparse
import resource
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "support"))

import engine_gates

from jobs.emulator.quotas import QuotaRules
from jobs.simulation import measures
from jobs.simulation.run import run
from jobs.simulation.scenario import Scenario
from jobs.simulation.work import Work

RPM = 6_000.0
"""100 a second."""
TPM = 3_500.0 * RPM
"""Binds about as often, with what is reserved for answers."""
SECONDS, MEGABYTES = 60.0, 300.0
"""The goals for a million."""


def main() -> None:
    """Run the batch and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--tokens", action="store_true", help="with a quota of tokens as well")
    options = parser.parse_args()
    rules = QuotaRules(rpm=RPM, tpm=TPM if options.tokens else None)
    work = Work(1, count=options.requests)
    began = time.process_time()
    done = run(Scenario(rules, 1), work, lambda: engine_gates.told(rules, work.max_tokens))
    seconds = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{options.requests:,} requests: {seconds:.1f} s CPU, {seconds / options.requests * 1e6:.1f} us a request "
        f"(goal {SECONDS:.0f}), {peak:.0f} MB at the most (goal {MEGABYTES:.0f})"
    )
    print(f"utilisation {measures.utilisation(done):.4f}, throttled {measures.throttle_rate(done):.5f}")


if __name__ == "__main__":
    main()
